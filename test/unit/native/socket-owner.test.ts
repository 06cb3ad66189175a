/** Whose connection it is, asked of the kernel that runs. */

import { expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { ownerOfPeer } from "../../../src/native/socket-owner.ts";

/** The ends of a connection, as its listener names them. */
async function connection(host: string, to = host) {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, accepted.resolve);
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = createConnection({ host: to, port, allowHalfOpen: true });
  const near = await accepted.promise;
  const owner = () =>
    ownerOfPeer(
      { address: near.remoteAddress!, port: near.remotePort! },
      { address: near.localAddress!, port: near.localPort! },
    );
  return {
    client,
    owner,
    [Symbol.dispose]: () => {
      client.destroy();
      near.destroy();
      server.close();
    },
  };
}

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.1", "::ffff:127.0.0.1"],
  ["::1", "::1"],
])("ownerOfPeer() finds this user's connection to %s at %s", async (host, to) => {
  using made = await connection(host, to);
  expect(made.owner()).toBe(process.getuid!());
});

/** Bytes that this process has read from files (proc(5)); a netlink socket is none. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

test("ownerOfPeer() asks for one connection, and has no table of all printed", async () => {
  // The kernel takes milliseconds for a table, and other users may connect as fast as they like.
  using made = await connection("127.0.0.1");
  const before = bytesRead();
  for (let n = 0; n < 100; n++) made.owner();
  expect(bytesRead() - before).toBeLessThan(100 * 100); // its heading alone is longer
});

test("ownerOfPeer() still knows a program that has said all, and waits for the answer", async () => {
  using made = await connection("127.0.0.1");
  await new Promise<void>((resolve) => made.client.end(() => resolve()));
  expect(made.owner()).toBe(process.getuid!());
});

test("ownerOfPeer() knows nobody behind a connection that no program holds: the kernel lists it as root's", async () => {
  using made = await connection("127.0.0.1");
  made.client.destroy();
  await once(made.client, "close");
  expect(made.owner()).toBeUndefined();
});

test("ownerOfPeer() knows nobody on another computer", () => {
  const there = { address: "192.0.2.1", port: 22 };
  expect(ownerOfPeer(there, { address: "192.0.2.2", port: 22 })).toBeUndefined();
  expect(ownerOfPeer({ ...there, address: "no address" }, there)).toBeUndefined();
});
