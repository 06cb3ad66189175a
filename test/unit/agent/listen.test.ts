/** How many programs the agent accepts, and what becomes of them at its end. */

import { afterEach, expect, test } from "bun:test";
import { createConnection } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { Crowd, listen } from "../../../src/agent/listen.ts";

const told: string[] = [];
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  told.length = 0;
});

/** A port with room for `most` connections, which greets each. */
async function open(most: number) {
  const crowd = new Crowd(most);
  const server = await listen({
    place: { address: "127.0.0.1", port: 0 },
    share: false,
    crowd,
    serve: (socket) => {
      socket.once("end", () => socket.end()).resume();
      socket.write("hello");
      return Promise.resolve();
    },
    report: (line) => told.push(line),
  });
  servers.push(server);
  return { crowd, port: (server.address() as AddressInfo).port };
}

/** "hello", or how the connection ended without it. */
async function dial(port: number): Promise<readonly [string, Socket]> {
  const socket = createConnection({ host: "127.0.0.1", port });
  const answer = await new Promise<string>((resolve) => {
    socket.once("data", (data: Buffer) => resolve(data.toString()));
    socket.once("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? ""));
    socket.once("close", () => resolve("closed"));
  });
  socket.on("error", () => {});
  return [answer, socket];
}

test("listen() accepts as many as there is room for, and again when one has left", async () => {
  const { crowd, port } = await open(2);
  const [[first, one], [second]] = [await dial(port), await dial(port)];
  expect([first, second]).toEqual(["hello", "hello"]);
  expect((await dial(port))[0]).toBe("ECONNRESET");
  expect(told).toEqual([expect.stringContaining("there are too many at once")]);
  one.destroy();
  for (;;) {
    const [answer] = await dial(port);
    if (answer === "hello") break;
    expect(answer).toBe("ECONNRESET");
  }
  crowd.end();
});

test("Crowd.end() breaks every connection: what is cut off does not look whole", async () => {
  const { crowd, port } = await open(2);
  const [, socket] = await dial(port);
  const broken = new Promise<Error>((resolve) => socket.once("error", resolve));
  crowd.end();
  expect((await broken).message).toContain("ECONNRESET");
});
