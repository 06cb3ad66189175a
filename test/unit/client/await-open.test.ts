/** awaitOpen() against real sockets of this machine. */

import { expect, test } from "bun:test";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { awaitOpen } from "../../../src/client/await-open.ts";
import { probeBefore } from "../../../src/client/probe.ts";

const HERE = { address: "127.0.0.1", family: 4 } as const;

async function listen(port: number, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(port, HERE.address, resolve));
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** A port that is closed now. */
async function freePort(): Promise<number> {
  const server = await listen(0, () => {});
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("awaitOpen() answers a connection of an open port within its first probe", async () => {
  let accepted = 0;
  const server = await listen(0, () => void accepted++);
  const startMs = performance.now();
  const { socket } = await awaitOpen(HERE, portOf(server), 2_000);
  expect(performance.now() - startMs).toBeLessThan(1_000);
  expect(socket?.remotePort).toBe(portOf(server));
  await Bun.sleep(100);
  expect(accepted).toBe(1);
  socket?.destroy();
  server.close();
});

test("awaitOpen() takes a refused probe for no answer, and finds the port when it opens", async () => {
  const port = await freePort();
  const waiting = awaitOpen(HERE, port, 5_000);
  await Bun.sleep(150);
  const server = await listen(port, () => {});
  const { socket } = await waiting;
  expect(socket).toBeDefined();
  socket?.destroy();
  server.close();
});

test("awaitOpen() gives up when the time is over, not before", async () => {
  const port = await freePort();
  const startMs = performance.now();
  expect(await awaitOpen(HERE, port, 250)).toEqual({ answer: "refused" });
  expect(performance.now() - startMs).toBeWithin(245, 1_000);
});

test("awaitOpen() hands over a connection that has lost no byte and still writes", async () => {
  const heard: string[] = [];
  const server = await listen(0, (peer) => {
    peer.write("SSH-2.0-banner\r\n");
    peer.on("data", (chunk) => {
      heard.push(String(chunk));
      peer.end("bye");
    });
  });
  const socket = (await awaitOpen(HERE, portOf(server), 2_000)).socket!;
  // The banner has long arrived when the new owner begins to read.
  await Bun.sleep(150);
  const read: string[] = [];
  const ended = new Promise((resolve) => socket.on("end", resolve));
  socket.on("data", (chunk) => read.push(String(chunk)));
  socket.resume();
  socket.write("hello");
  await ended;
  expect(read.join("")).toBe("SSH-2.0-banner\r\nbye");
  expect(heard).toEqual(["hello"]);
  socket.destroy();
  server.close();
});

test("probeBefore() connects to an open port, and awaitOpen() takes that connection and makes no other", async () => {
  let accepted = 0;
  const server = await listen(0, () => void accepted++);
  const probe = await probeBefore(HERE, portOf(server));
  const { socket, answer } = await awaitOpen(HERE, portOf(server), 2_000, probe);
  expect([probe.answer, answer, socket?.remotePort]).toEqual(["open", "open", portOf(server)]);
  await Bun.sleep(100);
  expect(accepted).toBe(1);
  expect(socket?.destroyed).toBe(false);
  socket?.destroy();
  server.close();
});

test("probeBefore() tells a closed port from one that opens later", async () => {
  const port = await freePort();
  const probe = await probeBefore(HERE, port);
  expect(probe.answer).toBe("refused");
  const server = await listen(port, () => {});
  const { socket, answer } = await awaitOpen(HERE, port, 2_000, probe);
  expect([probe.answer, answer]).toEqual(["refused", "open"]);
  socket?.destroy();
  server.close();
});
