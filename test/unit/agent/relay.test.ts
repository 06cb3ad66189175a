/** Real connections over the loopback, carried by the agent: halves, speed, and breaks. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { relay } from "../../../src/agent/relay.ts";

let server: Server;
const waiting: ((socket: Socket) => void)[] = [];

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    waiting.shift()!(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => void server.close());

/** Both ends of one connection. */
async function connection(): Promise<readonly [outer: Socket, inner: Socket]> {
  const accepted = new Promise<Socket>((resolve) => waiting.push(resolve));
  const { port } = server.address() as AddressInfo;
  const outer = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true }).pause();
  outer.on("error", () => {});
  return [outer, await accepted];
}

/** A program and a server with a relay between them. */
async function relayed(halfClosedMs?: number) {
  const [program, near] = await connection();
  const [far, service] = await connection();
  const ended = relay(near, far, halfClosedMs === undefined ? {} : { halfClosedMs });
  return { program, service, ended };
}

async function heard(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await once(socket, "end");
  return Buffer.concat(chunks).toString();
}

describe("relay()", () => {
  test("passes the end of one side on, while the other still speaks", async () => {
    const { program, service, ended } = await relayed();
    program.end("question");
    expect(await heard(service)).toBe("question");
    const answer = heard(program);
    service.write("answer");
    await Bun.sleep(0);
    service.end(", whole");
    expect(await answer).toBe("answer, whole");
    await ended;
  });

  test("does so for a server that ends first, too", async () => {
    const { program, service, ended } = await relayed();
    service.end("bye");
    expect(await heard(program)).toBe("bye");
    program.end("last words");
    expect(await heard(service)).toBe("last words");
    await ended;
  });

  test("carries much both ways at once, whole", async () => {
    const { program, service, ended } = await relayed();
    const much = Buffer.alloc(8_000_000, "0123456789abcdef");
    const both = Promise.all([heard(program), heard(service)]);
    program.end(much);
    service.end(much);
    for (const said of await both) expect(Buffer.from(said).equals(much)).toBeTrue();
    await ended;
  });

  test("reads no faster than is taken", async () => {
    const { program, service, ended } = await relayed();
    let taken = 0;
    const chunk = Buffer.alloc(1 << 20);
    // Nobody reads `service`: what fits into buffers of the kernel leaves, and then no more.
    for (;;) {
      if (program.write(chunk)) taken += chunk.length;
      else if (await Promise.race([once(program, "drain"), Bun.sleep(300)])) taken += chunk.length;
      else break;
      expect(taken).toBeLessThan(64 << 20);
    }
    service.destroy();
    await ended;
  });

  test("a reset of either side resets the other", async () => {
    for (const whose of ["program", "service"] as const) {
      const pair = await relayed();
      const other = whose === "program" ? pair.service : pair.program;
      const failed = new Promise<Error>((resolve) => other.once("error", resolve));
      pair[whose].resetAndDestroy();
      expect((await failed).message).toContain("ECONNRESET");
      await pair.ended;
    }
  });

  test("ends where one side has ended and the other is silent for too long", async () => {
    const { program, service, ended } = await relayed(1_000);
    program.end();
    await ended;
    service.destroy();
  });
});
