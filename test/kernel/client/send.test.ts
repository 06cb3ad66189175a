/**
 * The packets that really leave a client, counted by tcpdump on the server: one SYN or one datagram
 * a knock, in order, and nothing after it. Ports 20000–29999 of the server are dropped, the others
 * are closed.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { tapWire } from "../../support/capture.ts";
import type { Packet } from "../../support/capture.ts";
import { Lab } from "../../support/lab.ts";

const SEND = resolve(import.meta.dir, "../../../src/client/send.ts");

/** A kernel repeats an unanswered SYN after 1 s and again after 3 s. */
const RETRANSMISSION_MS = 3_200;

const SENDER = `
  import { sendKnocks } from ${JSON.stringify(SEND)};
  const [address, proto, from, count, gap, linger] = process.argv.slice(1);
  const knocks = Array.from({ length: Number(count) }, (_, i) => ({ proto, port: Number(from) + i }));
  const family = address.includes(":") ? 6 : 4;
  await sendKnocks({ address, family }, knocks, Number(gap));
  await Bun.sleep(Number(linger));`;

describe("sendKnocks()", () => {
  let lab: Lab;
  beforeAll(() => {
    lab = new Lab();
    lab.run("server", ["nft", "-f", "-"], {
      input: `table inet test {
        chain input { type filter hook input priority 0; meta l4proto { tcp, udp } th dport 20000-29999 drop; }
      }`,
    });
  });
  afterAll(() => lab[Symbol.dispose]());

  const sender = (...argv: (string | number)[]) => [
    process.execPath,
    "-e",
    SENDER,
    ...argv.map(String),
  ];
  const send = (address: string, proto: string, from: number, count: number, gapMs = 0) =>
    lab.run("client", sender(address, proto, from, count, gapMs, 0));
  const portsOf = (packets: readonly Packet[]) => packets.map(({ port }) => port);
  const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

  test("sends exactly one SYN a port, in order, to dropped and closed ports of both families, and never again", async () => {
    const tap = await tapWire(lab, "server", "tcp");
    // The senders live on: the end of a process would close its open sockets, and hide them.
    const senders = ["10.77.0.1", "fd77::1"].flatMap((address) =>
      [20_000, 30_000].map((from) =>
        lab.start("client", sender(address, "tcp", from, 50, 0, RETRANSMISSION_MS)),
      ),
    );
    expect(await Promise.all(senders.map((child) => child.exited))).toEqual([0, 0, 0, 0]);
    const packets = await tap.packets();
    for (const address of ["10.77.0.1", "fd77::1"]) {
      for (const from of [20_000, 30_000]) {
        const got = packets.filter(
          ({ destination, port }) => destination === address && port >= from && port < from + 1_000,
        );
        expect(portsOf(got)).toEqual(range(from, 50));
      }
    }
    expect(packets.length).toBe(200);
    expect(packets.filter(({ flags }) => flags !== "S")).toEqual([]);
  });

  test("gets a sequence of eight ports and two copies out within some milliseconds", async () => {
    const spans: number[] = [];
    for (let i = 0; i < 5; i++) {
      const tap = await tapWire(lab, "server", "tcp");
      send("10.77.0.1", "tcp", 20_000, 16);
      const packets = await tap.packets();
      expect(packets.length).toBe(16);
      spans.push(packets.at(-1)!.atMs - packets[0]!.atMs);
    }
    // Half a millisecond on an idle machine; the best of five, because other work uses this one
    // too.
    expect(Math.min(...spans)).toBeLessThan(25);
  });

  test("gets every datagram out while each is answered by port unreachable", async () => {
    for (const address of ["10.77.0.1", "fd77::1"]) {
      const tap = await tapWire(lab, "server", "udp");
      // The gap lets the ICMP error of one knock arrive before the next is sent.
      send(address, "udp", 40_000, 8, 3);
      send(address, "udp", 20_000, 8);
      const packets = await tap.packets();
      expect(portsOf(packets)).toEqual([...range(40_000, 8), ...range(20_000, 8)]);
      expect(new Set(packets.map(({ sourcePort }) => sourcePort)).size).toBeGreaterThan(12);
    }
  });

  test("keeps the gap between knocks", async () => {
    const tap = await tapWire(lab, "server", "tcp");
    send("10.77.0.1", "tcp", 20_000, 4, 20);
    const packets = await tap.packets();
    expect(portsOf(packets)).toEqual(range(20_000, 4));
    for (let i = 1; i < packets.length; i++) {
      expect(packets[i]!.atMs - packets[i - 1]!.atMs).toBeGreaterThan(18);
    }
  });
});
