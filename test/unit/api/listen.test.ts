/** The real listeners: who may reach them, their obstacles, and their end. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeControl } from "../../support/fake-control.ts";
import { connectControl } from "../../../src/api/client.ts";
import { parseAddress } from "../../../src/core/address.ts";
import { type BothListening, listen } from "../../support/listen.ts";
import { spawn } from "../../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-api-"));
let made = 0;
const freshSocket = () => join(folder, `${++made}.sock`);
const at = (socket: string, host = "127.0.0.1", port = 0) => ({ listen: { host, port }, socket });

let listening: BothListening;
const control = new FakeControl();

beforeAll(async () => {
  listening = await listen(control, at(freshSocket()));
});
afterAll(async () => {
  listening.stop();
  rmSync(folder, { recursive: true });
});

/** Sends raw bytes and reads until the other side closes, or for half a second. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname, () => socket.write(text));
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk.toString()));
  socket.on("close", () => resolve(answer));
  socket.on("error", () => resolve(answer));
  setTimeout(() => socket.destroy(), 500);
  return promise;
}

/** The message of a promise's error. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );
}

test.each(["127.0.0.1", "::1", "::ffff:127.0.0.1"])(
  "listen() on %s refuses a request that names this host in words",
  async (host) => {
    const own = await listen(control, at(freshSocket(), host));
    try {
      const { port } = new URL(own.url);
      const { status } = await fetch(
        `http://${host === "::1" ? "[::1]" : "127.0.0.1"}:${port}/healthz`,
        {
          headers: { Host: "rebound.example" },
        },
      );
      expect(status).toBe(421);
    } finally {
      own.stop();
    }
  },
);

test("listen() serves health on TCP and control on the unix socket", async () => {
  expect(listening.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect((await fetch(`${listening.url}healthz`)).status).toBe(200);
  expect((await fetch(`${listening.url}v1/doors`)).status).toBe(404);
  const doors = await fetch("http://localhost/v1/doors", { unix: listening.socket });
  expect(doors.status).toBe(200);
});

test("listen() makes the socket for its owner alone, and a missing folder likewise", async () => {
  const socket = join(folder, "run", "sallyport", "control.sock");
  const other = await listen(new FakeControl(), at(socket));
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "run", "sallyport")).mode & 0o777).toBe(0o700);
  other.stop();
});

test("listen() leaves the umask as it was, also when it fails", async () => {
  const before = process.umask();
  const other = await listen(new FakeControl(), at(freshSocket()));
  expect(process.umask()).toBe(before);
  other.stop();
  await refusal(listen(new FakeControl(), at(join(folder, "x".repeat(120)))));
  expect(process.umask()).toBe(before);
});

test("listen() answers an IPv6 host, in brackets", async () => {
  const other = await listen(new FakeControl(), at(freshSocket(), "::1"));
  expect(other.url).toMatch(/^http:\/\/\[::1\]:\d+\/$/);
  expect((await fetch(`${other.url}readyz`)).status).toBe(200);
  other.stop();
});

test("listen() guards a loopback listener against rebound names, and no other", async () => {
  const headers = { Host: "attacker.example" };
  expect((await fetch(`${listening.url}healthz`, { headers })).status).toBe(421);
  const open = await listen(new FakeControl(), at(freshSocket(), "0.0.0.0"));
  const { port } = new URL(open.url);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`, { headers })).status).toBe(200);
  open.stop();
});

test("listen() answers HTTP/1.0 without a Host, as load balancers ask", async () => {
  expect(await raw(listening.url, "GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.[01] 200 /);
});

test("listen() answers nonsense without a stack trace", async () => {
  for (const text of [
    "\0\x01\x02\r\n\r\n",
    "GET\r\n\r\n",
    "GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ]) {
    const answer = await raw(listening.url, text);
    expect(answer).not.toMatch(/ at |\.ts|node_modules/);
  }
  expect((await fetch(`${listening.url}healthz`)).status).toBe(200);
});

test("listen() refuses a body beyond the fence before the app reads it", async () => {
  const response = await fetch("http://localhost/v1/doors/ssh/grants", {
    unix: listening.socket,
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "x".repeat(70_000),
  });
  expect(response.status).toBe(413);
});

test("listen() names a busy port and the setting, and leaves no socket behind", async () => {
  const { port } = new URL(listening.url);
  const socket = freshSocket();
  expect(await refusal(listen(new FakeControl(), at(socket, "127.0.0.1", Number(port))))).toBe(
    `Cannot listen on 127.0.0.1:${port}: another program listens there: set [api].listen to a free one`,
  );
  expect(existsSync(socket)).toBeFalse();
});

test("listen() names an address this machine does not have", async () => {
  expect(await refusal(listen(new FakeControl(), at(freshSocket(), "192.0.2.1", 7878)))).toBe(
    "Cannot listen on 192.0.2.1:7878: this machine does not have that address: set [api].listen to a free one",
  );
});

test("listen() takes the place of a dead daemon's socket", async () => {
  const socket = freshSocket();
  const dead = spawn(
    [
      process.execPath,
      "-e",
      'Bun.serve({ unix: process.argv[1], fetch: () => new Response() }); console.log("up")',
      socket,
    ],
    { stdout: "pipe" },
  );
  await dead.stdout.getReader().read();
  dead.kill("SIGKILL");
  await dead.exited;
  expect(lstatSync(socket).isSocket()).toBeTrue();
  const next = await listen(new FakeControl(), at(socket));
  expect((await connectControl(socket).doors()).length).toBe(2);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  next.stop();
});

test("listen() leaves a living daemon's socket alone, and frees the port it took first", async () => {
  const first = await listen(new FakeControl(), at(freshSocket()));
  const port = Number(new URL(first.url).port);
  first.stop();
  expect(await refusal(listen(new FakeControl(), at(listening.socket, "127.0.0.1", port)))).toBe(
    `Cannot listen on ${listening.socket}: another sallyport listens there: stop that one first, or set [api].socket`,
  );
  expect((await connectControl(listening.socket).doors()).length).toBe(2);
  const third = await listen(new FakeControl(), at(freshSocket(), "127.0.0.1", port));
  third.stop();
});

test("listen() removes nothing that is no socket", async () => {
  const file = freshSocket();
  writeFileSync(file, "precious");
  expect(await refusal(listen(new FakeControl(), at(file)))).toBe(
    `Cannot listen on ${file}: the file there is not a socket: move it, or set [api].socket`,
  );
  expect(await Bun.file(file).text()).toBe("precious");
});

test("listen() explains a path that is too long for a socket", async () => {
  const socket = join(folder, "x".repeat(120));
  expect(await refusal(listen(new FakeControl(), at(socket)))).toBe(
    `Cannot listen on ${socket}: the path is longer than the 107 bytes of a socket address: set [api].socket to a free one`,
  );
});

test("listen() says of a path below a file what is wrong with it", async () => {
  const file = freshSocket();
  writeFileSync(file, "precious");
  expect(await refusal(listen(new FakeControl(), at(join(file, "c.sock"))))).toBe(
    `Cannot listen on ${file}/c.sock: its folder is a file: set [api].socket to a free one`,
  );
  expect(await refusal(listen(new FakeControl(), at(join(file, "run/c.sock"))))).toBe(
    `Cannot listen on ${file}/run/c.sock: its folder is in a file: set [api].socket to a free one`,
  );
});

test("listening.stop() cuts a request that hangs, frees port and path, within a second", async () => {
  const hanging = new FakeControl();
  const { promise: never } = Promise.withResolvers<never>();
  hanging.grants = () => never;
  const other = await listen(hanging, at(freshSocket()));
  const cut = refusal(fetch("http://localhost/v1/grants", { unix: other.socket }));
  const idle = connect(Number(new URL(other.url).port), "127.0.0.1");
  idle.on("error", () => {});
  await Bun.sleep(50);
  const before = performance.now();
  other.stop();
  expect(performance.now() - before).toBeLessThan(1000);
  expect(await cut).not.toBe("nothing was thrown");
  expect(existsSync(other.socket)).toBeFalse();
  idle.destroy();
  const { hostname, port } = new URL(other.url);
  const again = await listen(new FakeControl(), at(other.socket, hostname, Number(port)));
  again.stop();
  again.stop();
});

test("connectControl() reads and drives the daemon through the socket", async () => {
  const client = connectControl(listening.socket);
  const status = await client.status();
  expect([status.ready, status.uptimeSeconds]).toEqual([true, 11_520]);
  const grant = await client.open("ssh", parseAddress("2001:db8::9")!, 1_500);
  expect(grant).toMatchObject({ door: "ssh", address: "2001:db8::9" });
  expect(grant.expiresMs - grant.openedMs).toBe(1_500);
  expect(await client.grants()).toEqual([grant]);
  expect(await client.close(grant.id)).toEqual(grant);
  expect(await client.close(grant.id)).toBeUndefined();
  expect(await client.close("../doors")).toBeUndefined();
  expect(await refusal(client.open("shh", parseAddress("192.0.2.1")!))).toBe(
    "No door has this name: GET /v1/doors lists them",
  );
});

test("connectControl() says who is missing when nobody listens, and how to help", async () => {
  const socket = freshSocket();
  expect(await refusal(connectControl(socket).doors())).toBe(
    `Cannot reach sallyport at ${socket}: nobody listens there: start it with sallyport serve, or name its socket with --socket`,
  );
});

test("connectControl() waits longer for a change than for a look, and says that it may still come", async () => {
  const socket = freshSocket();
  const server = Bun.serve({ unix: socket, fetch: () => new Promise<never>(() => {}) });
  const client = connectControl(socket, { readMs: 40, changeMs: 80 });
  expect(await refusal(client.doors())).toBe(
    `Cannot reach sallyport at ${socket}: it did not answer within 40ms: is the machine busy? Else look at its log and start it again`,
  );
  expect(await refusal(client.reload({}))).toBe(
    `Cannot reach sallyport at ${socket}: it did not answer within 80ms: it may still do what it was asked: look at its log, and at sallyport status`,
  );
  await server.stop(true);
});

test("connectControl() takes no endless answer into memory", async () => {
  const socket = freshSocket();
  const piece = new Uint8Array(1 << 20).fill(0x20);
  const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(piece) });
  const server = Bun.serve({ unix: socket, fetch: () => new Response(endless()) });
  expect(await refusal(connectControl(socket).doors())).toBe(
    `Cannot reach sallyport at ${socket}: its answer does not end: see which program listens there: it is not a sallyport of this version`,
  );
  await server.stop(true);
});

test("connectControl() tells another program, and another version, from a daemon", async () => {
  const answers = [
    () => new Response("<html>"),
    () => Response.json({ doors: [{ name: 1 }] }),
    () => new Response(null, { status: 502 }),
  ];
  for (const fetchHandler of answers) {
    const socket = freshSocket();
    const server = Bun.serve({ unix: socket, fetch: fetchHandler });
    expect(await refusal(connectControl(socket).doors())).toBe(
      `Cannot reach sallyport at ${socket}: it gave an answer that this version does not understand: use the version of sallyport that runs there, or start it again with this one`,
    );
    await server.stop(true);
  }
});
