/** A crowd of connections to the daemon, of any size, takes no descriptors from its other work. */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
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
  const run = `run = { close = ["/bin/true"] }`;
  await using server = await new GuardedServer(
    lab,
    `[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\nopen_for = "2s"\n${run}\n`,
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
