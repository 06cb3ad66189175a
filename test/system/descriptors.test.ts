/** Descriptors run out: by a crowd of connections, which takes none from the other work, or for everybody. */

import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
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

/** The limit of descriptors with which a process can open only so many more; `spare`: the ones that it keeps included. */
function limitFor(pid: number, more: number, spare = false): number {
  const open = readdirSync(`/proc/${pid}/fd`);
  const held = new Set(open.filter((fd) => !(spare && Number(fd) > 2 && isSpare(pid, fd))));
  let limit = 0;
  for (let free = 0; free < more || held.has(String(limit)); limit++) {
    if (!held.has(String(limit))) free++;
  }
  return limit;
}

function isSpare(pid: number, fd: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`) === "/dev/null";
  } catch {
    return true; // closed meanwhile
  }
}

/** The fixed door opens to a knock, and closes. */
async function opensByKnock(lab: Lab, server: GuardedServer, look = () => {}): Promise<void> {
  const from = server.log.length;
  lab.run("client", ["knock", "-d", "20", "10.77.0.1", "7000", "8000", "9000"]);
  await server.waitForLog(/Opened web /, from);
  look();
  await server.waitForLog(/Closed web /, from);
}

function setLimit(pid: number, descriptors: number): void {
  run(["prlimit", "--pid", String(pid), `--nofile=${descriptors}:`]);
}

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
  const limit = (descriptors: number) => setLimit(server.pid, descriptors);
  const open = () =>
    opensByKnock(lab, server, () => expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open"));
  await open();

  limit(limitFor(server.pid, 0));
  // Longer than the pauses between two looks at the memory.
  for (let i = 0; i < 4; i++) await open();
  limit(1024);
  expect(server.command("status").code).toBe(0);
  await open();
}, 60_000);

test.each([1, 2])(
  "serve repairs its guard when descriptors are free again, after a flush with %i left",
  async (left) => {
    using lab = new Lab();
    await startEcho(lab, "server", 8080);
    await using server = await new GuardedServer(
      lab,
      `[door.web]\nopens = ["8080/tcp"]\nsequence = ["7000", "8000", "9000"]\n`,
    ).start();
    setLimit(server.pid, limitFor(server.pid, left, true));
    const from = server.log.length;
    lab.run("server", ["nft", "flush ruleset"]);
    await server.waitForLog(/Cannot run nft: too few descriptors are free: /, from);
    setLimit(server.pid, 1024);
    await server.waitForLog(/Repaired the guard/, from);
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
  },
  60_000,
);

test("serve goes on where a reload adds the first command and too few descriptors are free for its thread", async () => {
  using lab = new Lab();
  const door = `[door.web]\nopens = ["8080/tcp"]\nsequence = ["7000", "8000", "9000"]\nopen_for = "1s"\n`;
  await using server = await new GuardedServer(lab, door).start();
  server.writeConfig(`${door}run = { close = ["/bin/true"] }\n`);
  for (const free of [3, 5, 6]) {
    setLimit(server.pid, limitFor(server.pid, free));
    const from = server.log.length;
    server.signal("SIGHUP");
    await server.waitForLog(/Reloaded /, from);
    await opensByKnock(lab, server);
    setLimit(server.pid, 1024);
  }
  await server.waitForLog(/Ran \/bin\/true for web/);
}, 60_000);

test("serve does not start, and guards nothing, where its threads could not open their descriptors", async () => {
  using lab = new Lab();
  await using server = new GuardedServer(
    lab,
    `[door.web]\nopens = ["8080/tcp"]\nsequence = ["7000", "8000", "9000"]\nrun = { open = ["/bin/true"] }\n`,
  );
  const started = lab.run("server", ["prlimit", "--nofile=58:58", ...server.argv("serve")], {
    mayFail: true,
  });
  expect(started.err).toStartWith(
    "sallyport: Cannot start: fewer than 64 more files can be opened: raise the limit of open files",
  );
  expect(started.code).toBe(1);
  expect(lab.run("server", ["nft", "list", "tables"]).out).toBe("");
});
