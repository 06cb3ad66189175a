/** A configuration that a user with fewer rights could have written: no reader acts on it, and nobody is locked out. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, chmodSync, chownSync, existsSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";

const NOBODY = 65_534;
const DOOR = '\n[door.web]\nopens = ["8080/tcp"]\nusers = ["alice"]\n';
const STRANGE =
  '\n[door.strange]\nsequence = ["7000", "8000", "9000"]\nrun = { open = ["/bin/true"], privileged = true }\n';

describe("an untrusted configuration", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(() => {
    lab = new Lab();
  });
  afterAll(() => lab?.[Symbol.dispose]());

  beforeEach(async () => {
    server = await new GuardedServer(lab, DOOR, { users: ["alice"] }).start();
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
  });

  function take(): void {
    appendFileSync(server.config, STRANGE);
    chownSync(server.config, NOBODY, NOBODY);
  }

  test.each([
    ["belongs to another user", () => take(), `it belongs to uid ${NOBODY}`],
    [
      "everybody may write to",
      () => {
        appendFileSync(server.config, STRANGE);
        chmodSync(server.config, 0o666);
      },
      "everybody may write to it",
    ],
  ])("that %s is not reloaded, by no way to reload", async (_, change, state) => {
    change();
    const refused = server.command("reload", "--yes");
    expect(refused).toMatchObject({ code: 78, out: "" });
    expect(refused.err).toContain(
      `Cannot trust ${server.config}: ${state}, and root would run the commands in it: run "ch`,
    );
    const from = server.log.length;
    server.signal("SIGHUP");
    await server.waitForLog(/Reload refused, the old configuration stays in force/, from);
    expect(server.command("status").out).not.toContain("strange");
    chownSync(server.config, 0, 0);
    chmodSync(server.config, 0o644);
    expect(server.command("reload", "--yes").code).toBe(0);
    expect(server.command("status").out).toContain("strange");
  });

  test("is taken where somebody names it, and again as long as it stays as it was", async () => {
    take();
    await server.stop("SIGKILL");
    await server.start();
    expect(server.command("status").out).toContain("strange");
    expect(server.command("reload").code).toBe(0);
    chmodSync(server.config, 0o666);
    expect(server.command("reload").err).toContain("everybody may write to it");
  });

  test("does not keep a service from opening doors by what worked last", async () => {
    take();
    await server.stop("SIGKILL");
    const child = lab.start("server", [
      ...["env", `NOTIFY_SOCKET=${join(server.dir, "notify")}`],
      ...[EXECUTABLE, "serve", "--config", server.config],
    ]);
    await status(/web/);
    const { out } = server.command("status");
    expect(out).toContain(`Cannot trust ${server.config}: it belongs to uid ${NOBODY}`);
    expect(out).not.toContain("strange");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test.skipIf(existsSync("/etc/sallyport/config.toml"))(
    "does not keep a start behind a guard from it that found the file, and doctor tells why",
    async () => {
      take();
      await server.stop("SIGKILL");
      const here = (...argv: string[]) => [
        ...["env", "-C", server.dir, `STATE_DIRECTORY=${server.dir}/state`],
        ...[EXECUTABLE, ...argv],
      ];
      const doctor = lab.run("server", here("doctor"), { mayFail: true });
      expect(doctor.out).toContain(
        `Cannot trust ./config.toml: it belongs to uid ${NOBODY}, and root would run the commands in it`,
      );
      expect(doctor.out).not.toContain("There is no configuration");
      const child = lab.start("server", here("serve"));
      await status(/web/);
      expect(server.command("status").out).not.toContain("strange");
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
      const first = lab.run("server", here("serve"), { mayFail: true });
      expect(first.code).toBe(78);
      expect(first.err).toContain("or start sallyport with --config ./config.toml if you do");
    },
  );

  test("is not loaded by the unit of the guard, which guards by what worked last", async () => {
    take();
    await server.stop();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
    const load = (config: string) =>
      lab.run(
        "server",
        [
          ...[EXECUTABLE, "firewall", "load", "--config", config],
          ...["--fallback", join(server.dir, "state", "config.last.toml")],
        ],
        { mayFail: true },
      );
    const refused = load(server.config);
    expect(refused.code).toBe(78);
    expect(refused.err).toContain("Cannot trust");
    expect(refused.err).toContain("Guarding 8080/tcp all the same");
  });

  async function status(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + 8_000;
    while (!pattern.test(server.command("status").out)) {
      if (Date.now() > deadline) throw new Error(server.command("status").err);
      await Bun.sleep(50);
    }
  }
});
