/** A used knock stays used: through crashes, lost files and reboots. */

import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { type BareKnock, portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

/** Short slots, so that a wait is short. */
const doors = (more = "") => `
[knock]
step = "10s"
[door.web]
opens = ["8080/tcp"]
users = ["alice", "bob"]
open_for = "1s"
${more}`;

describe("the memory of used knocks", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
  });

  afterAll(() => lab?.[Symbol.dispose]());

  beforeEach(async () => {
    server = await new GuardedServer(lab, doors(), { users: ["alice", "bob"] }).start();
  });

  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
  });

  /** Knocks as alice and returns the knock, which must open nothing from now on. */
  async function useOne(): Promise<BareKnock[]> {
    const knocks = portsOf(server.link("alice", "web")).map((port) => ({ to: "10.77.0.1", port }));
    const from = server.log.length;
    sendKnocks(lab, "client", knocks);
    await server.waitForLog(/Opened web/, from);
    return knocks;
  }

  async function expectSpent(knocks: readonly BareKnock[]): Promise<void> {
    const from = server.log.length;
    for (const host of ["client", "stranger"] as const) sendKnocks(lab, host, knocks);
    // The probe takes far longer than the data plane, and the reply to its request comes after the
    // knocks.
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
    expect(await (await server.control("/v1/grants")).text()).not.toContain("10.77.0.3");
    expect(server.log.slice(from)).not.toContain("Opened");
  }

  const stateFile = (name: string) => join(server.dir, "state", name);

  test.each(["gone", "made anew by firewall load"])(
    "survives a kill -9 with the kernel's table %s, and the doors wait",
    async (state) => {
      const knocks = await useOne();
      // The store follows a moment after the door; this test is about the part it has written.
      await server.control("/v1/status");
      await server.stop("SIGKILL");
      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
      if (state !== "gone") lab.run("server", server.argv("firewall", "load"));
      const from = server.log.length;
      await server.start();
      await expectSpent(knocks);
      // The last use may have been in the kernel alone.
      await server.waitForLog(/The wait is over/, from, 25_000);
    },
    60_000,
  );

  test("keeps through a reload what only the kernel's set knew, and takes nothing from before it", async () => {
    const knocksOf = (ahead: number) =>
      portsOf(server.link("alice", "web"), ahead).map((port) => ({ to: "10.77.0.1", port }));
    await server.stop();
    cpSync(stateFile("."), join(server.dir, "before"), { recursive: true });
    await server.start();
    const [earlier, used] = [knocksOf(0), knocksOf(1)];
    let from = server.log.length;
    sendKnocks(lab, "client", used);
    await server.waitForLog(/Opened web/, from);
    // The disk as a kill -9 leaves it that comes before the store: where it was before the knock.
    await server.stop("SIGKILL");
    rmSync(stateFile("."), { recursive: true });
    renameSync(join(server.dir, "before"), stateFile("."));
    await server.start();
    from = server.log.length;
    server.signal("SIGHUP");
    await server.waitForLog(/Reloaded/, from);
    await server.waitForLog(/Closed web/, from);
    await expectSpent(earlier);
    await expectSpent(used);
  }, 30_000);

  test("survives a kill -9 with the file gone, by the kernel's set, and the doors wait", async () => {
    const knocks = await useOne();
    await server.stop("SIGKILL");
    rmSync(stateFile("uses.db"));
    const from = server.log.length;
    await server.start();
    expect(server.log.slice(from)).toContain("the record of used knocks is missing");
    expect((await server.control("/readyz")).status).toBe(503);
    await expectSpent(knocks);
    await server.waitForLog(/The wait is over/, from, 25_000);
    expect((await server.control("/readyz")).status).toBe(200);
    await useOne();
  }, 60_000);

  test.each([
    ["truncated", () => truncateSync(stateFile("uses.db"), 100)],
    ["overwritten with garbage", () => writeFileSync(stateFile("uses.db"), "x".repeat(20_000))],
  ])(
    "says so when its file is %s, moves it aside and waits",
    async (_, damage) => {
      const knocks = await useOne();
      await server.stop("SIGKILL");
      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
      for (const suffix of ["-wal", "-shm"]) rmSync(stateFile(`uses.db${suffix}`), { force: true });
      damage();
      const from = server.log.length;
      await server.start();
      expect(server.log.slice(from)).toContain("Rotating doors wait");
      await expectSpent(knocks);
    },
    30_000,
  );

  test("waits after a reboot that may have lost it, and not after a clean stop", async () => {
    const knocks = await useOne();
    await server.stop("SIGKILL");
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
    const reboot = () => {
      const database = new Database(stateFile("uses.db"));
      database.run("UPDATE session SET boot_id = 'another boot'");
      database.close();
    };
    reboot();
    let from = server.log.length;
    await server.start();
    expect(server.log.slice(from)).toContain("the machine was started anew");
    await expectSpent(knocks);
    await server.waitForLog(/The wait is over/, from, 25_000);
    await server.stop();
    // A clean stop in another boot: the marker names the boot of the run it ended.
    const marker = readFileSync(stateFile("clean-stop"), "utf8");
    reboot();
    writeFileSync(stateFile("clean-stop"), "another boot\n");
    expect(marker).not.toBe("another boot\n");
    from = server.log.length;
    await server.start();
    expect(server.log.slice(from)).not.toContain("Rotating doors wait");
  }, 60_000);
});

test("a close command that is owed runs exactly once, also through a kill -9 and a changed configuration", async () => {
  using lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), "sallyport-owed-"));
  writeFileSync(join(dir, "command"), `#!/bin/sh\necho "$1" >> ${dir}/ran\n`);
  chmodSync(join(dir, "command"), 0o755);
  const run = `run = { open = ["${dir}/command", "open"], close = ["${dir}/command", "close"] }`;
  await using server = new GuardedServer(
    lab,
    `[door.lights]\nusers = ["alice"]\nopen_for = "4s"\n${run}\n`,
    { users: ["alice"] },
  );
  await server.start();
  const knocks = portsOf(server.link("alice", "lights")).map((port) => ({ to: "10.77.0.1", port }));
  sendKnocks(lab, "client", knocks);
  await server.waitForLog(/Ran .* for lights/);
  await server.stop("SIGKILL");
  expect(existsSync(join(dir, "ran"))).toBe(true);
  server.writeConfig(`[door.other]\nopens = ["81/tcp"]\nusers = ["alice"]\n`);
  const from = server.log.length;
  await server.start();
  await server.waitForLog(/Ran .* for lights/, from, 15_000);
  await server.stop();
  await server.start();
  await server.stop();
  expect(readFileSync(join(dir, "ran"), "utf8")).toBe("open\nclose\n");
  rmSync(dir, { recursive: true });
}, 60_000);
