/** Whoever takes all of the daemon's descriptors, through its health port, neither ends it nor keeps the guard away. */

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

test("serve repairs the guard while connections to its health port hold all descriptors", async () => {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  await using server = await new GuardedServer(
    lab,
    `[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\n`,
    { users: ["alice"], as: ["prlimit", `--nofile=${LIMIT}:${LIMIT}`] },
  ).start();
  const hog = lab.start("server", ["python3", "-c", HOG, String(LIMIT + 100)]);
  await hog.stdout.getReader().read();
  // The daemon takes the connections in its own time, and nothing tells of the last.
  const deadline = Date.now() + 20_000;
  const taken = () => readdirSync(`/proc/${server.pid}/fd`).length;
  while (taken() < LIMIT - 1 && Date.now() < deadline) await Bun.sleep(10);
  expect(taken()).toBeGreaterThanOrEqual(LIMIT - 1);

  lab.run("server", ["nft", "flush ruleset"]);
  await server.waitForLog(/Repaired the guard/);
  expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
  expect(server.knock("client", server.link("alice", "web"))).toMatchObject({ code: 0 });
}, 60_000);
