/** Fixed knock sequences, as knockd has them: their form, how a run advances, how weak they are. */

import { formatPort, PROTO_NUMBER } from "./port.ts";
import type { Port, PortRange, Proto } from "./port.ts";

/** Ports to knock on in this order, all within `timeoutMs` of the first. At most 32 knocks. */
export interface FixedSequence {
  readonly knocks: readonly Port[];
  readonly timeoutMs: number;
}

/** The start of a run that does not exist: further from any time than every timeout. */
export const NO_START = -Infinity;

/** The state of a source's runs at one sequence after a packet. */
export type RunState = "over" | "running" | "complete";

/** One number for a protocol (IANA) and a port. */
export function knockKey(protoNumber: number, port: number): number {
  return protoNumber * 65_536 + port;
}

/** The sequence in the form that `stepRun` takes. */
export function knockKeys(sequence: FixedSequence): Uint32Array {
  return Uint32Array.from(sequence.knocks, ({ proto, port }) =>
    knockKey(PROTO_NUMBER[proto], port),
  );
}

/**
 * Handles one packet of a source at a sequence. `starts[at + s − 1]` is the start of the latest
 * living run that has accepted the first `s` knocks (`NO_START`: none), for each `s` below the
 * length; it is updated in place. Only packets inside the sequence's spans may be passed.
 *
 * The next knock advances a run. A knock accepted before is ignored (a retransmission, a duplicate,
 * the start of another try). Any other port ends the run. Every prefix has its own latest run, so
 * that a try that overlaps a failed one is not lost. Times may be slightly out of order.
 */
export function stepRun(
  keys: Uint32Array,
  timeoutMs: number,
  starts: Float64Array,
  at: number,
  key: number,
  timeMs: number,
): RunState {
  const length = keys.length;
  const last = at + length - 2;
  if (keys[length - 1] === key) {
    const began = length === 1 ? timeMs : starts[last]!;
    if (Math.abs(timeMs - began) <= timeoutMs) {
      starts.fill(NO_START, at, last + 1);
      return "complete";
    }
  }
  const seenFrom = keys.indexOf(key);
  let state: RunState = "over";
  for (let s = length - 1; s >= 1; s--) {
    let began = NO_START;
    if (seenFrom >= 0 && seenFrom < s) began = living(starts[at + s - 1]!, timeMs, timeoutMs);
    if (keys[s - 1] === key) {
      const advanced = s === 1 ? timeMs : living(starts[at + s - 2]!, timeMs, timeoutMs);
      began = Math.max(began, advanced);
    }
    starts[at + s - 1] = began;
    if (began !== NO_START) state = "running";
  }
  return state;
}

/**
 * The start of a run, or `NO_START` where it is too long ago. In both directions: a clock set back must neither
 * keep a run alive until the time is made up for, nor let it stand in the way of one that begins now.
 */
function living(began: number, timeMs: number, timeoutMs: number): number {
  return Math.abs(timeMs - began) <= timeoutMs ? began : NO_START;
}

/**
 * The ports that reset a run: for each protocol of the sequence, from the lowest to the highest of
 * all its ports. A matcher must see all of them, or a plain scan completes the sequence.
 */
export function spansOf(sequence: FixedSequence): PortRange[] {
  const ports = sequence.knocks.map(({ port }) => port);
  const from = Math.min(...ports);
  const to = Math.max(...ports);
  return (["tcp", "udp"] as const)
    .filter((proto) => sequence.knocks.some((knock) => knock.proto === proto))
    .map((proto) => ({ proto, from, to }));
}

/**
 * The chance that one scan of all spans in random order, each port once, completes the sequence:
 * its knocks must come right after one another. A scan cannot complete a sequence that names a port
 * twice; its chance is that of as many independent random packets.
 */
export function guessChance(sequence: FixedSequence): number {
  const total = spansOf(sequence).reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const length = sequence.knocks.length;
  if (new Set(knockKeys(sequence)).size < length) return total ** (1 - length);
  let chance = 1;
  for (let i = 0; i < length - 1; i++) chance /= total - i;
  return chance;
}

const DIRECTIONS = ["ascending", "descending"] as const;
const PROTOCOLS: readonly (readonly Proto[])[] = [["tcp"], ["udp"], ["tcp", "udp"], ["udp", "tcp"]];

interface Pass {
  readonly name: string;
  readonly packets: readonly Port[];
}

/**
 * Every plain way over the ports of a sequence; one port stands for each stretch that it does not
 * use.
 */
function passesOver(sequence: FixedSequence): Pass[] {
  const used = [...new Set(sequence.knocks.map(({ port }) => port))].sort((a, b) => a - b);
  const ports = used.flatMap((port, i) => {
    const next = used[i + 1];
    return next === undefined || next === port + 1 ? [port] : [port, port + 1];
  });
  return DIRECTIONS.flatMap((direction) =>
    PROTOCOLS.map((protocols) => ({
      name: `${direction} ${protocols.map((proto) => proto.toUpperCase()).join("+")}`,
      packets: (direction === "ascending" ? ports : ports.toReversed()).flatMap((port) =>
        protocols.map((proto) => ({ proto, port })),
      ),
    })),
  );
}

function completes(sequence: FixedSequence, packets: readonly Port[]): boolean {
  const keys = knockKeys(sequence);
  const starts = new Float64Array(keys.length).fill(NO_START);
  return packets
    .filter(({ proto }) => sequence.knocks.some((knock) => knock.proto === proto))
    .some(
      ({ proto, port }) =>
        stepRun(keys, sequence.timeoutMs, starts, 0, knockKey(PROTO_NUMBER[proto], port), 0) ===
        "complete",
    );
}

/**
 * The plain scan that completes the sequence, in words that follow "is completed by"; undefined
 * where no scan does. It tries up and down the span, by TCP, UDP and both, each packet once or
 * twice, in one pass or two. A port twice in a row is reported too: any network that duplicates a
 * packet knocks it.
 */
export function scanCompletes(sequence: FixedSequence): string | undefined {
  const passes = passesOver(sequence);
  const pairs = passes.flatMap((first) =>
    passes.map((second) => ({
      name: `${first.name}, then ${second.name}`,
      packets: first.packets.concat(second.packets),
    })),
  );
  for (const [scans, count] of [[passes, "one scan"] as const, [pairs, "two scans"] as const]) {
    for (const { name, packets } of scans) {
      if (completes(sequence, packets)) return `${count} (${name})`;
    }
    for (const { name, packets } of scans) {
      if (
        completes(
          sequence,
          packets.flatMap((packet) => [packet, packet]),
        )
      ) {
        return `${count} (${name}) sending each packet twice`;
      }
    }
  }
  const keys = knockKeys(sequence);
  const knock = sequence.knocks[keys.findIndex((key, i) => key === keys[i + 1])];
  return knock && `a network that duplicates its ${formatPort(knock)}`;
}
