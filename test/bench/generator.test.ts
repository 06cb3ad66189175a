/** The load really is on the wire as it was described. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { formatAddress, parseAddress } from "../../src/core/address.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { frame, ipv4, tcp } from "../support/frames.ts";
import { inside } from "../support/inside.ts";
import { Lab } from "../support/lab.ts";
import { PacketSocket } from "../support/packet-socket.ts";
import { LoadGenerator } from "./load/generator.ts";
import { encodeFrames, type Load } from "./load/load.ts";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
}, 30_000);
afterAll(() => lab[Symbol.dispose]());

const SERVER = "10.77.0.1";
const TEMPLATE = frame(LinkType.ethernet, ipv4("11.0.0.1", SERVER, tcp(7_000)));
const EVERYTHING = [[0x06, 0, 0, 0xffff]] as const;

interface Seen {
  readonly source: string;
  readonly port: number;
  readonly bytes: Uint8Array;
}

/** Sends `count` frames of a load between two hosts of the lab and answers those that arrived, in order. */
function sent(load: Omit<Load, "frames" | "perSecond">, count: number, victim?: string): Seen[] {
  const server = inside(lab.namespace("server"), () => new PacketSocket("eth0"));
  const client = inside(lab.namespace("client"), () => new PacketSocket("eth0"));
  using stack = new DisposableStack();
  stack.use(server);
  stack.use(client);
  inside(lab.namespace("server"), () => server.listen(EVERYTHING));
  const whole: Load = { frames: encodeFrames([TEMPLATE]), perSecond: null, ...load };
  const generator = new LoadGenerator(client, whole);
  if (victim !== undefined) generator.victim = victim;
  while (generator.sent < count) generator.send(0, count - generator.sent);
  const seen: Seen[] = [];
  for (const deadline = performance.now() + 5_000; seen.length < count;) {
    if (performance.now() > deadline) break;
    const bytes = server.receive()?.slice();
    // The kernel of the server answers from the same interface; its own packets do not count as
    // received.
    if (bytes === undefined || bytes[33] !== 1) continue;
    const source = bytes.subarray(26, 30).join(".");
    seen.push({ source, port: new DataView(bytes.buffer).getUint16(36), bytes });
  }
  return seen;
}

/** RFC 791: the words of a right IP header sum up to all ones. */
function headerSum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  return (sum & 0xffff) + (sum >>> 16);
}

test("LoadGenerator.send() puts right checksums on sources and ports it drew", () => {
  const seen = sent(
    { source: { random: { framesEach: 1 } }, ports: { random: [20_000, 20_099] } },
    100,
  );
  expect(seen).toHaveLength(100);
  for (const { source, port, bytes } of seen) {
    const sourcePort = new DataView(bytes.buffer).getUint16(34);
    const right = frame(LinkType.ethernet, ipv4(source, SERVER, tcp(port, 2, { sourcePort })));
    // From the addresses on: the identification before them is a mark of the load.
    expect(bytes.slice(26, right.length)).toEqual(right.slice(26));
    expect(headerSum(bytes)).toBe(0xffff);
    expect(formatAddress(parseAddress(source)!)).toBe(source);
    expect(port >= 20_000 && port <= 20_099).toBe(true);
  }
  expect(new Set(seen.map(({ source }) => source)).size).toBeGreaterThan(95);
});

test("LoadGenerator.send() keeps a source for as many frames as it was told", () => {
  const ports = [1, 2, 3, 4, 5, 6];
  const seen = sent({ source: { random: { framesEach: 3 } }, ports: { list: ports } }, 12);
  expect(seen.map(({ port }) => port)).toEqual([...ports, ...ports]);
  const groups = [0, 3, 6, 9].map((i) => new Set(seen.slice(i, i + 3).map(({ source }) => source)));
  expect(groups.map(({ size }) => size)).toEqual([1, 1, 1, 1]);
  expect(new Set(seen.map(({ source }) => source)).size).toBe(4);
});

test("LoadGenerator.send() forges the victim's address and cycles through ports", () => {
  const seen = sent(
    { source: { victim: true }, ports: { cycle: [65_530, 65_535] } },
    12,
    "10.64.0.9",
  );
  expect(new Set(seen.map(({ source }) => source))).toEqual(new Set(["10.64.0.9"]));
  expect(seen.map(({ port }) => port).slice(0, 7)).toEqual([
    65_530, 65_531, 65_532, 65_533, 65_534, 65_535, 65_530,
  ]);
});

test("LoadGenerator.send() sends what is owed by the clock and no more", () => {
  using client = inside(lab.namespace("client"), () => new PacketSocket("eth0"));
  const frames = encodeFrames([TEMPLATE]);
  const load: Load = { frames, source: { address: "11.0.0.1" }, perSecond: 1_000 };
  const generator = new LoadGenerator(client, load);
  generator.begin(5e9);
  expect(generator.send(5e9)).toBe(0);
  expect(generator.send(5.01e9)).toBe(10);
  expect(generator.send(5.01e9)).toBe(0);
  expect(generator.send(5.02e9)).toBe(10);
  expect(generator.sent).toBe(20);
});
