/**
 * Puts a capture file on the wire, faster than it was taken:
 *
 *     bun test/bench/load/replay.ts INTERFACE FILE SPEED SERVER_MAC
 *
 * Every frame is sent to SERVER_MAC (twelve hexadecimal digits), at its own time divided by SPEED. Prints
 * one line: frames sent and seconds taken.
 */

import { readFileSync } from "node:fs";
import { recordLength, RECORD_BYTES } from "../../../src/capture/records.ts";
import { FrameList, PacketSocket } from "../../support/packet-socket.ts";
import { nap } from "./nap.ts";

const PCAP_HEADER_BYTES = 24;
const FORMAT = { littleEndian: true, perMs: 1_000 };

/** Frames a system call at most, and frames described to the kernel at a time. */
const PORTION = 64;
const LIST = 2_048;

/** Long enough not to be a busy loop on a core that others need, short enough for the pace. */
const NAP_MS = 0.2;

interface Recorded {
  readonly at: number;
  readonly length: number;
  readonly seconds: number;
}

function* recordsOf(memory: Uint8Array): Generator<Recorded, void> {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  for (let at = PCAP_HEADER_BYTES; at < memory.length;) {
    const length = recordLength(view, at, FORMAT);
    const seconds = view.getUint32(at, true) + view.getUint32(at + 4, true) / 1e6;
    yield { at: at + RECORD_BYTES, length, seconds };
    at += RECORD_BYTES + length;
  }
}

const [name = "", file = "", speedText = "1", macText = ""] = process.argv.slice(2);
const speed = Number(speedText);
const mac = Uint8Array.fromHex(macText);
const memory = new Uint8Array(readFileSync(file));
using socket = new PacketSocket(name);
const startNs = Bun.nanoseconds();
let firstSeconds = NaN;
let sent = 0;

function play(records: readonly Recorded[]): void {
  for (const { at } of records) memory.set(mac, at);
  const places = records.map(({ at, length }) => [at, length] as const);
  const list = new FrameList(memory, places);
  for (let next = 0; next < records.length;) {
    const due = ((Bun.nanoseconds() - startNs) / 1e9) * speed + firstSeconds;
    let end = next;
    while (end < records.length && end < next + PORTION && records[end]!.seconds <= due) end++;
    if (end === next) {
      nap(NAP_MS);
      continue;
    }
    const done = Math.max(0, socket.sendList(list, next, end - next));
    next += done;
    sent += done;
  }
}

let portion: Recorded[] = [];
for (const record of recordsOf(memory)) {
  if (Number.isNaN(firstSeconds)) firstSeconds = record.seconds;
  portion.push(record);
  if (portion.length < LIST) continue;
  play(portion);
  portion = [];
}
play(portion);
console.log(JSON.stringify({ sent, seconds: (Bun.nanoseconds() - startNs) / 1e9 }));
