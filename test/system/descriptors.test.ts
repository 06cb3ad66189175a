/** A crowd of connections to the daemon, of any size, takes no descriptors from its other work. */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { probe, startEcho } from "../support/service.ts";

const LIMIT = 256;

/** Holds more connections than the daemon may have descriptors, each with half a request. */
const HOG = `
import socket, sys, time
held = []
for _ in range(int(sys.argv[1])):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("127.0.0.1", 7878))
    held.append(s)
time.sleep(1)
for s in held:
    try: s.send(b"GET /")
    except OSError: pass
print("held", flush=True)
time.sleep(60)
`;

test("serve opens, repairs, answers and runs commands while a crowd holds its health port", async () => {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  const commands = `run = { close = ["/bin/true"] }`;
  await using server = await new GuardedServer(
    lab,
    `[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\nopen_for = "2s"\n${commands}\n`,
    { users: ["alice"], as: ["prlimit", `--nofile=${LIMIT}:${LIMIT}`] },
  ).start();
  const hog = lab.start("server", ["python3", "-c", HOG, String(LIMIT + 100)]);
  await hog.stdout.getReader().read();
  expect(readdirSync(`/proc/${server.pid}/fd`).length).toBeLessThan(LIMIT - 32);

  lab.run("server", ["nft", "flush ruleset"]);
  await server.waitForLog(/Repaired the guard/);
  expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
  expect(server.knock("client", server.link("alice", "web"))).toMatchObject({ code: 0 });
  expect(server.command("status").code).toBe(0);
  const health = lab.run("server", ["curl", "-s", "-m", "2", "http://127.0.0.1:7878/healthz"]);
  expect(health.out).toContain('"ok"');
  await server.waitForLog(/Ran \/bin\/true for web/);
  expect(server.log).not.toContain("EMFILE");
}, 60_000);

test("serve opens and closes doors while no descriptor is free, and is whole again afterwards", async () => {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  await using server = await new GuardedServer(
    lab,
    `[door.web]\nopens = ["8080/tcp"]\nsequence = ["7000", "8000", "9000"]\nopen_for = "1s"\n`,
  ).start();
  expect(server.command("status").code).toBe(0);
  const limit = (descriptors: number | string) =>
    run(["prlimit", "--pid", String(server.pid), `--nofile=${descriptors}:`]);
  const knock = ["knock", "-d", "20", "10.77.0.1", "7000", "8000", "9000"];
  const open = async () => {
    const from = server.log.length;
    lab.run("client", knock);
    await server.waitForLog(/Opened web /, from);
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
    await server.waitForLog(/Closed web /, from);
  };
  await open();

  const held = new Set(readdirSync(`/proc/${server.pid}/fd`));
  let free = 0;
  while (held.has(String(free))) free++;
  limit(free);
  // Longer than the pauses between two looks at the memory.
  for (let i = 0; i < 4; i++) await open();
  limit(1024);
  expect(server.command("status").code).toBe(0);
  await open();
}, 60_000);
