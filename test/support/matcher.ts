/** Shared by the tests of the matcher: knocks from words, and a sink that records everything. */

import { formatAddress, parseAddress } from "../../src/core/address.ts";
import { emptyKnock } from "../../src/core/knock.ts";
import type { Knock } from "../../src/core/knock.ts";
import { PROTO_NUMBER } from "../../src/core/port.ts";
import type { Proto } from "../../src/core/port.ts";
import type { Matcher } from "../../src/match/matcher.ts";
import type { MatchSink, RotatingMatch, RotatingSubject } from "../../src/match/subject.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { DEFAULT_SPACE } from "../../src/rks/space.ts";
import type { KnockSpace } from "../../src/rks/space.ts";

/** A moment in the middle of a slot of the default space: ± 15 s stay inside it. */
export const NOW = 1_800_000_015_000;
export const SLOT = 60_000_000;

export function knock(source: string, port: number, timeMs: number, proto: Proto = "tcp"): Knock {
  const address = parseAddress(source);
  if (address === undefined) throw new Error(`Cannot knock from ${source}: not an address`);
  return {
    ...emptyKnock(),
    timeMs,
    family: address.family,
    proto: PROTO_NUMBER[proto],
    port,
    s0: address.a0,
    s1: address.a1,
    s2: address.a2,
    s3: address.a3,
  };
}

/** A device with a key of its own, the same in every run. */
export function device(name: string, space: KnockSpace = DEFAULT_SPACE): RotatingSubject {
  const [door = "", user = "", laptop = ""] = name.split(" ");
  const key = Uint8Array.from(new Bun.CryptoHasher("sha256").update(name).digest());
  return { door, user, device: laptop, key, space };
}

/** The ports of a device in a slot, in the order drawn. */
export function portsOf({ key, door, space }: RotatingSubject, slot: number): number[] {
  return [...sequencePorts(key, door, space, slot)];
}

export function feedAll(
  matcher: Matcher,
  source: string,
  ports: readonly number[],
  startMs: number,
  gapMs = 0,
): void {
  for (const [i, port] of ports.entries()) matcher.feed(knock(source, port, startMs + i * gapMs));
}

/** Pseudo-random numbers from a seed, 0 up to 1: a test that fails fails again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = items.map((item) => ({ item, at: random() }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/** Records its calls as lines; returns `verdicts` in turn, "spent" when they are used up. */
export class Recorder implements MatchSink {
  readonly lines: string[] = [];
  readonly matches: RotatingMatch[] = [];
  readonly #verdicts: ("spent" | "kept")[];

  constructor(verdicts: readonly ("spent" | "kept")[] = []) {
    this.#verdicts = [...verdicts];
  }

  readonly rotating: MatchSink["rotating"] = (match) => {
    const verdict = this.#verdicts.shift() ?? "spent";
    this.matches.push(match);
    this.lines.push(`${verdict} ${describe(match)}`);
    return verdict;
  };

  readonly repeated: MatchSink["repeated"] = (match) => {
    this.lines.push(`repeated ${describe(match)}`);
  };

  readonly reused: MatchSink["reused"] = (match, first, firstMs) => {
    this.lines.push(`reused ${describe(match)} first ${formatAddress(first)} @${firstMs}`);
  };

  readonly fixed: MatchSink["fixed"] = ({ subject, source, timeMs }) => {
    this.lines.push(`${subject.action} ${subject.door} ${formatAddress(source)} @${timeMs}`);
  };

  /** The lines without their times. */
  get said(): string[] {
    return this.lines.map((line) => line.replaceAll(/ @[\d.]+/g, ""));
  }
}

function describe({ subject, slot, source, timeMs }: RotatingMatch): string {
  const name = [subject.door, subject.user, subject.device].join(" ");
  return `${name.trim()} #${slot} ${formatAddress(source)} @${timeMs}`;
}
