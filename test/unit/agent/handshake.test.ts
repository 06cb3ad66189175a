/** The handshake over real connections: pieces, silence, and noise. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { array, assert, asyncProperty, uint8Array } from "fast-check";
import { readHandshake } from "../../../src/agent/handshake.ts";
import type { Asked } from "../../../src/agent/handshake.ts";

/** As long as a program on a busy computer may take; each test ends when it has said all. */
const PATIENCE_MS = 20_000;

let server: Server;
let patienceMs = PATIENCE_MS;
let answered: (asked: Promise<Asked>) => void;

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    const asked = readHandshake(socket, patienceMs);
    answered(asked);
    void asked.finally(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => void server.close());

/** What is asked on one connection; `say` is the program. */
async function ask(
  say: (socket: Socket) => void | Promise<void>,
  waitMs = PATIENCE_MS,
): Promise<Asked> {
  patienceMs = waitMs;
  const asked = new Promise<Asked>((resolve) => {
    answered = (promise) => void promise.then(resolve);
  });
  const { port } = server.address() as AddressInfo;
  const socket = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  await say(socket);
  try {
    return await asked;
  } finally {
    socket.destroy();
  }
}

const GREETING = [5, 1, 0];
const REQUEST = [5, 1, 0, 1, 192, 0, 2, 1, 0, 22];
const CONNECT = "CONNECT gate.example:443 HTTP/1.1\r\nHost: gate.example:443\r\n\r\n";

test("readHandshake() answers the greeting of SOCKS5, and keeps what follows the request", async () => {
  const asked = await ask(async (socket) => {
    socket.write(Uint8Array.from(GREETING));
    const [method] = (await once(socket, "data")) as [Buffer];
    expect([...method]).toEqual([5, 0]);
    socket.write(Uint8Array.from([...REQUEST, 1, 2, 3]));
  });
  expect(asked).toMatchObject({ kind: "dial", to: { host: "192.0.2.1", port: 22 } });
  expect(asked.kind === "dial" && [...asked.rest]).toEqual([1, 2, 3]);
});

test("readHandshake() takes all at once, and a byte at a time", async () => {
  for (const message of [Buffer.from([...GREETING, ...REQUEST]), Buffer.from(CONNECT)]) {
    const whole = await ask((socket) => void socket.write(message));
    const pieces = await ask(async (socket) => {
      socket.setNoDelay(true);
      for (const byte of message) {
        await new Promise<void>((resolve) => socket.write(Uint8Array.of(byte), () => resolve()));
      }
    });
    expect(whole.kind).toBe("dial");
    expect(pieces.kind === "dial" && whole.kind === "dial" && pieces.to).toEqual(
      whole.kind === "dial" ? whole.to : { host: "", port: 0 },
    );
  }
});

test("readHandshake() waits no longer than it says, however often a byte comes", async () => {
  const [beganMs, waitMs] = [performance.now(), 300];
  const asked = await ask(async (socket) => {
    socket.write("CONNECT ");
    const drip = setInterval(() => socket.write("a"), 20);
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(drip);
  }, waitMs);
  expect(asked).toEqual({ kind: "gone" });
  expect(performance.now() - beganMs).toBeGreaterThan(waitMs - 10);
});

test("readHandshake() is done with a program that ends early", async () => {
  for (const said of ["", "GET", "\x05", "\x05\x01\x00", "\x05\x01\x00\x05\x01"]) {
    expect(await ask((socket) => void socket.end(said))).toEqual({ kind: "gone" });
    expect(
      await ask((socket) => {
        socket.write(said);
        socket.resetAndDestroy();
      }),
    ).toEqual({ kind: "gone" });
  }
});

test.each([
  ["\x04\x01\x00\x16\xc0\x00\x02\x01\x00", "set it to SOCKS5"],
  ["\x16\x03\x01\x02\x00", "speaks TLS here"],
  ["\x00", "neither SOCKS5 nor HTTP"],
  ["ssh", "neither SOCKS5 nor HTTP"],
  ["POST / HTTP/1.1\r\n\r\n", "set it as a SOCKS5 proxy"],
  ["\x05\x01\x02", "it wants to log in"],
  ["\x05\x01\x00\x05\x02\x00\x01\x01", "more than a TCP connection"],
])("readHandshake() refuses %j with a reason", async (said, reason) => {
  // A request may be too short to be refused: then it waits for more.
  const asked = await ask((socket) => void socket.write(Buffer.from(said, "latin1")), 1_000);
  if (asked.kind === "gone") expect(said.length).toBeLessThan(10);
  else expect(asked).toMatchObject({ kind: "refused", reason: expect.stringContaining(reason) });
});

test("whatever pieces come, readHandshake() ends, and asks for nothing that was not said", async () => {
  await assert(
    asyncProperty(array(uint8Array({ maxLength: 40 }), { maxLength: 4 }), async (pieces) => {
      const asked = await ask((socket) => {
        for (const piece of pieces) socket.write(piece);
        socket.end();
      }, 300);
      expect(["gone", "refused", "page", "dial"]).toContain(asked.kind);
      if (asked.kind !== "dial") return;
      expect(["\x05", "C"]).toContain(Buffer.concat(pieces).toString("latin1", 0, 1));
    }),
    { numRuns: 300 },
  );
});
