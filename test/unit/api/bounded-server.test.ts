/**
 * The server of both listeners on real sockets: what counts as a request, how many may wait, and
 * which connection goes.
 */

import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type BoundedServer, serveBounded } from "../../../src/api/bounded-server.ts";

const MOST = 4;
const GET = "GET /x HTTP/1.1\r\nHost: here\r\n\r\n";

const made: { servers: BoundedServer[]; sockets: Socket[] } = { servers: [], sockets: [] };
afterEach(() => {
  for (const socket of made.sockets.splice(0)) socket.destroy();
  for (const server of made.servers.splice(0)) server.stop();
});

function serve(answer: (request: Request) => Response | Promise<Response> = echo): number {
  const server = serveBounded({ hostname: "127.0.0.1", port: 0 }, MOST, answer);
  made.servers.push(server);
  return server.port;
}

async function echo(request: Request): Promise<Response> {
  const { method, headers, url } = request;
  const said = [method, new URL(url).pathname, headers.get("host"), await request.text()];
  return Response.json(said, { headers: { "X-Said": "yes" } });
}

/** A connection, once it is open. */
async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  made.sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** All bytes until the other side closes. */
async function rest(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.on("close", resolve));
  return Buffer.concat(chunks).toString("latin1");
}

async function ask(port: number, ...pieces: readonly string[]): Promise<string> {
  const socket = await dial(port);
  const answer = rest(socket);
  for (const piece of pieces) {
    socket.write(piece);
    await Bun.sleep(5); // in packets of their own
  }
  return await answer;
}

describe("serveBounded(), one request", () => {
  test("is answered and ends its connection, in one packet or in many, whatever comes after it", async () => {
    const port = serve();
    const wanted = `["GET","/x","here",""]`;
    const whole = await ask(port, GET + GET);
    expect(whole).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(whole).toContain("\r\nx-said: yes\r\n");
    expect(whole).toContain(`\r\ncontent-length: ${wanted.length}\r\n`);
    expect(whole.endsWith(`\r\n\r\n${wanted}`)).toBe(true);
    expect(whole.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(await ask(port, ..."GET /y HTTP/1.0\r\n\r\n".split(""))).toEndWith(
      `["GET","/y",null,""]`,
    );
  });

  test("may have a body of known length", async () => {
    const port = serve();
    const head = "POST /x HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n";
    expect(await ask(port, head, "ab", "cde")).toEndWith(`["POST","/x","here","abcde"]`);
    const answer = await fetch(`http://127.0.0.1:${port}/x`, { method: "POST", body: "abc" });
    expect(((await answer.json()) as string[])[3]).toBe("abc");
  });

  test("of HEAD is answered without a body", async () => {
    const answer = await ask(serve(), GET.replace("GET", "HEAD"));
    expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(answer).toEndWith("\r\n\r\n");
  });

  test.each([
    ["no HTTP", "\0\u0001\r\n\r\n", 400],
    ["another version", "GET / HTTP/2.0\r\n\r\n", 400],
    ["a proxy's", "GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400],
    ["a folded field", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400],
    ["a field without a name", "GET / HTTP/1.1\r\n: b\r\n\r\n", 400],
    ["a name with a space", "GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n", 400],
    ["a bare line feed", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400],
    ["two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["no number", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400],
    ["chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411],
    ["too much", "POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413],
    ["a head without end", `GET / HTTP/1.1\r\nA: ${"b".repeat(9_000)}`, 431],
  ])("is refused with its reason and heard to its end: %s", async (_, text, status) => {
    const answer = await ask(serve(), text, "x".repeat(100_000));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} \\S`));
  });
});

test("serveBounded() closes the connection of a request whose answer fails, and goes on", async () => {
  let failing = true;
  const port = serve((request) => {
    if (failing) return Promise.reject(new Error("a bug"));
    return echo(request);
  });
  expect(await ask(port, GET)).toBe("");
  failing = false;
  expect(await ask(port, GET)).toStartWith("HTTP/1.1 200 OK");
});

describe("serveBounded(), a crowd", () => {
  test("of silent connections, many times as many as may be, keeps nobody away", async () => {
    const port = serve();
    for (let i = 0; i < 20 * MOST; i++) {
      const socket = await dial(port);
      if (i % 2 === 0) socket.write("GET / HT");
      if (i % 10 === 0) expect((await fetch(`http://127.0.0.1:${port}/x`)).status).toBe(200);
    }
  });

  test("loses those first who have been without a whole request longest, a byte now and then or not", async () => {
    const port = serve();
    const [first, second] = [await dial(port), await dial(port)];
    for (let i = 2; i < MOST; i++) await dial(port);
    const closed = new Promise((resolve) => first.on("close", resolve));
    first.write("GET /x HT");
    await Bun.sleep(20);
    await dial(port);
    await closed;
    const answer = rest(second);
    second.write(GET);
    expect(await answer).toStartWith("HTTP/1.1 200 OK");
  });

  test("does not take the place of those who are being answered", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const port = serve(async () => new Response(await promise));
    const waiting = Array.from({ length: MOST - 1 }, () => ask(port, GET));
    await Bun.sleep(50);
    for (let i = 0; i < 5 * MOST; i++) await dial(port);
    resolve("late");
    for (const answer of waiting) expect(await answer).toEndWith("late");
  });

  test("of readers who take nothing of a long answer is closed as well", async () => {
    const port = serve(() => new Response("x".repeat(8 << 20)));
    for (let i = 0; i < 4 * MOST; i++) (await dial(port)).pause().write(GET);
    const read = async () => (await (await fetch(`http://127.0.0.1:${port}/x`)).text()).length;
    // A request is dropped too when a busy machine needs longer than a moment to read it.
    let length: number | undefined;
    for (let tries = 0; length === undefined && tries < 10; tries++) {
      await Bun.sleep(100);
      length = await read().catch(() => undefined);
    }
    expect(length).toBe(8 << 20);
  });
});
