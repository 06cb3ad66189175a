/** The control socket of a running daemon is removed, or taken: it comes back, and until then commands say what to do. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice", "dora"]
`;
const AGAIN = /Listening on \S+ again: somebody had removed that socket/;

describe("a daemon that lost its control socket", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(() => {
    lab = new Lab();
  });
  afterAll(() => lab?.[Symbol.dispose]());
  beforeEach(async () => {
    server = new GuardedServer(lab, DOORS, { users: ["alice", "dora"] });
    await server.start();
    // By then the daemon's first look at its socket is over; the next is half a minute away.
    expect(onServer("status").code).toBe(0);
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
  });

  /** As an administrator of that server: the guard is found in its network namespace. */
  const onServer = (...argv: string[]) =>
    lab.run("server", [EXECUTABLE, ...argv, "--config", server.config], { mayFail: true });

  test("is named by every command with what to do, and user remove is done once that was done", async () => {
    rmSync(server.socket);
    const hangUp = `run "kill -HUP ${server.pid}"`;
    for (const argv of [["reload"], ["status"], ["grants"], ["close", "10.77.0.2"]]) {
      const { code, err } = onServer(...argv);
      expect([code, err]).toEqual([1, expect.stringContaining("has lost its socket")]);
      expect(err).toContain(hangUp);
    }
    const removed = onServer("user", "remove", "dora");
    expect(removed.code).toBe(1);
    expect(removed.err).toMatch(
      /Removed dora\nsallyport: Cannot tell .*: run "kill -HUP \d+".*, then repeat the command; until then it opens by the old ones\n$/,
    );

    server.signal("SIGHUP");
    await server.waitForLog(AGAIN);
    await server.waitForLog(/Reloaded/);
    expect(lstatSync(server.socket).mode & 0o777).toBe(0o600);
    expect(server.log.match(new RegExp(AGAIN, "g"))).toHaveLength(1);
    expect(onServer("status").out).not.toContain("keys changed");
    expect(onServer("user", "list").out).not.toContain("dora");
    expect(onServer("reload").code).toBe(0);
  });

  test("comes back with its folder, also where the signal's reload is refused", async () => {
    rmSync(dirname(server.socket), { recursive: true });
    writeFileSync(server.config, `${readFileSync(server.config, "utf8")}nonsense = 1\n`);
    server.signal("SIGHUP");
    await server.waitForLog(/Reload refused/);
    await server.waitForLog(AGAIN);
    expect(onServer("grants").code).toBe(0);
  });

  test("is not ready while something else has the path, leaves that alone, and tries again", async () => {
    // Moved there once it listens: one that is bound alone looks like what a dead daemon left.
    const take = `import os,socket,time; s=socket.socket(socket.AF_UNIX); s.bind("${server.dir}/s"); s.listen(); os.rename("${server.dir}/s", "${server.socket}"); time.sleep(60)`;
    const own = lstatSync(server.socket).ino;
    const taker = lab.start("server", ["python3", "-c", take]);
    while (lstatSync(server.socket).ino === own) await Bun.sleep(10);
    const taken = lstatSync(server.socket).ino;
    server.signal("SIGHUP");
    await server.waitForLog(/Cannot listen on \S+: another sallyport listens there/);
    const ready = lab.run("server", ["curl", "-s", "http://127.0.0.1:7878/readyz"]).out;
    expect(JSON.parse(ready)).toMatchObject({ ready: false, reasons: [{ code: "listen" }] });
    expect(lstatSync(server.socket).ino).toBe(taken);

    taker.kill("SIGKILL");
    await taker.exited;
    await server.waitForLog(/Listening on \S+ now/);
    expect(onServer("status").code).toBe(0);
  });

  test("removes nothing of others at its end", async () => {
    rmSync(server.socket);
    mkdirSync(dirname(server.socket), { recursive: true });
    writeFileSync(server.socket, "of somebody else");
    await server.stop();
    expect(readFileSync(server.socket, "utf8")).toBe("of somebody else");
  });
});

test("a wrong --socket beside a running daemon is answered by the right one", async () => {
  using lab = new Lab();
  await using server = new GuardedServer(lab, DOORS, { users: ["alice", "dora"] });
  await server.start();
  const wrong = join(server.dir, "wrong.sock");
  const argv = [EXECUTABLE, "grants", "--socket", wrong];
  expect(lab.run("server", argv, { mayFail: true }).err).toBe(
    `sallyport: Cannot reach sallyport at ${wrong}: the sallyport that guards here (process ${server.pid}) listens on ${server.socket}: name that one: --socket ${server.socket}\n`,
  );
});
