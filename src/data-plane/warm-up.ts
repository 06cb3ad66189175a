/**
 * Runs the path of a knock a few thousand times before the first real one. The engine compiles code
 * only after it ran often, and the interpreter would always open a door that opens once a day.
 */

import type { Clock } from "../core/clock.ts";
import { Counters } from "../core/counters.ts";
import { emptyKnock } from "../core/knock.ts";
import { LinkType } from "../core/link-type.ts";
import type { Door } from "../config/settings.ts";
import { decodeFrame } from "../decode/frame.ts";
import type { Firewall } from "../firewall/firewall.ts";
import { Matcher } from "../match/matcher.ts";
import type { RotatingSubject } from "../match/subject.ts";
import { sequencePorts } from "../rks/sequence.ts";
import { slotAt } from "../rks/slot.ts";
import { DEFAULT_SPACE } from "../rks/space.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import { Ledger } from "./ledger.ts";

/**
 * Enough to make the first knock as fast as most later ones; twice as many cost 12 MB more and gain
 * nothing.
 */
const KNOCKS = 1_000;

/** Enough to bring the code of a knock back into memory; it is compiled by then. */
const KNOCKS_AGAIN = 20;

/** A small range keeps the index of a slot small; nobody knocks here. */
const SPACE = { ...DEFAULT_SPACE, lo: 1_024, hi: 2_047, skew: 0 };

/**
 * The grants of a warm-up are for addresses of 0.0.0.0/8, from which the kernel routes no packet,
 * and for a port that no door has. Each knock has an address of its own, like most real ones. The
 * kernel forgets the grants and their uses after this time.
 */
const LIFE_MS = 100;
const DOOR: Door = {
  name: "warmUp",
  opens: [{ proto: "tcp", from: 1, to: 1 }],
  users: ["nobody"],
  space: SPACE,
  openForMs: LIFE_MS,
  uses: "many",
  prefix6: 128,
  maxGrants: 1,
};

/** The source is at `SOURCE_AT`, the destination port at `PORT_AT`. */
const FRAME = Uint8Array.fromHex(
  [
    // Ethernet: to, from, type
    "000000000000 000000000000 0800",
    // IPv4: 40 bytes, TCP; from, to
    "45000028 00004000 40060000 00000000 7f000001",
    // TCP: ports, numbers, SYN
    "04000000 00000000 00000000 5002ffff 00000000",
  ]
    .join("")
    .replaceAll(" ", ""),
);
const SOURCE_AT = 14 + 12;
const PORT_AT = 14 + 20 + 2;

/** Addresses of 0.0.0.0/8: when the first has its turn again, its grant has long ended. */
const SOURCES = 2 ** 24;

export class WarmUp {
  readonly #frame = new DataView(FRAME.slice().buffer);
  readonly #knock = emptyKnock();
  readonly #matcher: Matcher;
  readonly #subject: RotatingSubject;
  #timeMs: number;
  readonly #ledger = new Ledger();
  #source = 0;
  #left = KNOCKS;

  /** `firewall` is the real one: when cold, the way through the kernel takes longest. */
  constructor(firewall: Firewall, clock: Clock) {
    this.#timeMs = clock.wallMs();
    this.#subject = {
      door: DOOR.name,
      user: "nobody",
      device: "none",
      key: crypto.getRandomValues(new Uint8Array(32)),
      space: SPACE,
    };
    const keeper = new Doorkeeper([DOOR], {
      firewall: shortLived(firewall),
      ledger: this.#ledger,
      counters: new Counters(),
      clock,
      emit: () => undefined,
    });
    this.#matcher = new Matcher({ rotating: [this.#subject], fixed: [] }, keeper, {
      sourcesPerFamily: 16,
    });
  }

  /** Begins again, for a few knocks, when the first warm-up is over. */
  again(): void {
    this.#left = KNOCKS_AGAIN;
  }

  /** Plays some knocks, each of a slot of its own. Returns whether the warm-up continues. */
  step(knocks: number): boolean {
    for (let i = 0; i < knocks && this.#left > 0; i++, this.#left--) this.#once();
    return this.#left > 0;
  }

  /** One knock from an address that has no grant now. */
  #once(): void {
    const { key, door, space } = this.#subject;
    this.#timeMs += space.stepSeconds * 1_000;
    const slot = slotAt(this.#timeMs, space.stepSeconds);
    this.#source = (this.#source + 1) % SOURCES;
    this.#frame.setUint32(SOURCE_AT, this.#source);
    for (const port of sequencePorts(key, door, space, slot)) {
      this.#frame.setUint16(PORT_AT, port);
      if (!decodeFrame(LinkType.ethernet, this.#frame, 0, FRAME.length, this.#knock)) continue;
      this.#knock.timeMs = this.#timeMs;
      this.#matcher.feed(this.#knock);
    }
    // Nobody tells this ledger when a grant ends.
    const opened = [...this.#ledger.list(0, 0)];
    for (const { id } of opened) this.#ledger.close(id);
    // A kernel with full sets refuses all of them, and each refusal takes milliseconds.
    if (opened.length === 0) this.#left = 0;
  }
}

/** A firewall that forgets a use together with its grant, so that a warm-up fills no set. */
function shortLived(firewall: Firewall): Firewall {
  return {
    open: ({ use, ...request }) =>
      firewall.open({ ...request, ...(use && { use: { id: use.id, forMs: LIFE_MS } }) }),
    close: (request) => firewall.close(request),
    livesMs: (address, ports, which) => firewall.livesMs(address, ports, which),
    capsMs: (address, ports, idleMs) => firewall.capsMs(address, ports, idleMs),
    list: () => firewall.list(),
    uses: () => firewall.uses(),
    remember: (uses) => firewall.remember(uses),
  };
}
