/** Whose connection it is, asked of the kernel that runs. */

import { expect, test } from "bun:test";
import { once } from "node:events";
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
