/**
 * A reload tells whom it cuts off, asks before it locks anybody out, and returns by itself on
 * probation.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { probe, startEcho } from "../support/service.ts";

const SERVER = "10.77.0.1";
const door = (terms: string, users = '"alice", "bob"') => `
[door.web]
opens = ["8080/tcp"]
users = [${users}]
${terms}
`;

describe("sallyport reload", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
  });
  afterAll(() => lab?.[Symbol.dispose]());

  beforeEach(async () => {
    server = await new GuardedServer(lab, door(""), { users: ["alice", "bob/phone"] }).start();
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
  });

  async function opensBy(link: string): Promise<void> {
    const from = server.log.length;
    const knocks = portsOf(link).map((port) => ({ to: SERVER, port }));
    sendKnocks(lab, "client", knocks);
    await server.waitForLog(/(Opened|Renewed) web/, from);
  }

  test.each([
    [
      "a user without a key",
      door("", '"carol"'),
      "alice, bob/phone will not be able to open web (8080/tcp)",
    ],
    ["another range", door('range = "30000-50000"'), "range 20000-52767 becomes 30000-50000"],
    ["another step", door('step = "60s"'), "step 30s becomes 60s"],
    ["another name", door("").replace("web", "site"), "its new name is site"],
  ])("refuses %s, says whom it cuts off, and the old links open", async (_, changed, said) => {
    const link = server.link("alice", "web");
    server.writeConfig(changed);
    const refused = server.command("reload");
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain("without a yes: everybody who can open web now would lose it");
    expect(refused.err).toContain(said);
    expect(refused.err).toContain('"sallyport reload --arm 5m"');
    expect(server.command("check").out).toContain(said);
    const from = server.log.length;
    server.signal("SIGHUP");
    await server.waitForLog(/Reload refused, the old configuration stays in force/, from);
    await opensBy(link);
    const done = server.command("reload", "--yes");
    expect(done).toMatchObject({ code: 0 });
    expect(done.out).toContain("Reloaded");
    expect(done.err).toContain(said);
    expect(done.err).toContain(
      "1 living grant of web, held by alice, will last until its time is over",
    );
  });

  test("asks whoever came in by what it takes away, and nobody else", async () => {
    const reload = (connection: string) =>
      run(["env", `SSH_CONNECTION=${connection}`, ...server.argv("reload")], { mayFail: true });
    await opensBy(server.link("bob/phone", "web"));
    server.writeConfig(door("", '"alice"'));
    const own = reload(`10.77.0.2 40000 ${SERVER} 8080`);
    expect(own.code).toBe(1);
    expect(own.err).toContain("you are connected from 10.77.0.2, which bob/phone opened web to");
    // This caller came in by a port that is not guarded.
    const other = reload(`10.77.0.2 40000 ${SERVER} 22`);
    expect(other.code).toBe(0);
    expect(other.err).toContain("bob/phone will not be able to open web");
  });

  test("prints what check warns of", () => {
    server.writeConfig(door("prefix6 = 64", '"alice", "bob", "carol"'));
    const { code, err } = server.command("reload");
    expect(code).toBe(0);
    expect(err).toContain("Warning: door.web.prefix6 is 64: a knock lets in a whole IPv6 network");
    expect(err).toContain('Warning: carol has no key: run "sallyport user add carol"');
  });

  test("refuses a named file that the daemon does not read, and takes its own under any name", () => {
    const draft = join(server.dir, "draft.toml");
    copyFileSync(server.config, draft);
    const reload = (file: string) =>
      run([EXECUTABLE, "reload", "--yes", "--config", file], { mayFail: true });
    const refused = reload(draft);
    expect(refused).toMatchObject({ code: 64, out: "" });
    expect(refused.err).toContain(
      `Cannot reload ${draft}: the daemon runs by ${server.config}, and a reload reads that one: copy it there`,
    );
    const link = join(server.dir, "link.toml");
    symlinkSync(server.config, link);
    const relative = `${server.dir}/state/../config.toml`;
    for (const own of [server.config, link, relative]) expect(reload(own).code).toBe(0);
    rmSync(draft);
    expect(run([EXECUTABLE, "reload", "--socket", server.socket]).code).toBe(0);
  });

  test("and check say that an interface does not exist, before any yes", () => {
    const text = readFileSync(server.config, "utf8");
    const check = () => lab.run("server", server.argv("check"), { mayFail: true });
    expect(check().out).not.toContain("does not exist");
    writeFileSync(server.config, text.replace('["eth0"]', '["eth7"]'));
    const said =
      "eth7 does not exist: this machine has eth0 and ctr0: correct server.interfaces, or bring it up";
    const { code, out } = check();
    expect(code).toBe(0);
    expect(out).toContain(`Warning: ${said}`);
    expect(out).toContain(`A reload would be refused: ${said}`);
    expect(out).not.toContain("--yes");
    for (const yes of [[], ["--yes"]]) {
      const refused = server.command("reload", ...yes);
      expect(refused).toMatchObject({ code: 1, out: "" });
      expect(refused.err).toContain(`${said}; nothing was changed`);
      expect(refused.err).not.toContain("--yes");
    }
    lab.run("server", ["ip", "link", "property", "add", "dev", "eth0", "altname", "eth7"]);
    try {
      expect(check().out).not.toContain("does not exist");
      const reload = server.command("reload", "--yes");
      expect([reload.code, reload.err]).toEqual([0, expect.not.stringContaining("exist")]);
    } finally {
      lab.run("server", ["ip", "link", "property", "del", "dev", "eth0", "altname", "eth7"]);
    }
  });

  test("refuses a changed [api] and state_dir, and works by what runs", () => {
    const text = readFileSync(server.config, "utf8");
    const state = join(server.dir, "state");
    server.writeConfig(`listen = "127.0.0.1:7999"\n${door("", '"alice"')}`);
    const refused = server.command("reload", "--yes");
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("api.listen 127.0.0.1:7878 becomes 127.0.0.1:7999");
    expect(refused.err).toContain("takes effect at the next start only: restart sallyport");
    const doors = server.command("status", "--json").out;
    expect(doors).toContain('"bob"');
    expect(readFileSync(join(state, "config.last.toml"), "utf8")).toBe(text);
  });

  test("--arm takes it on probation, and goes back to what ran before", async () => {
    const link = server.link("alice", "web");
    server.writeConfig(door('range = "30000-50000"'));
    const from = server.log.length;
    const armed = server.command("reload", "--arm", "5s");
    expect(armed.code).toBe(0);
    expect(armed.out).toContain(
      "on probation for 5s: knock, connect, and run sallyport confirm there, or the configuration before returns",
    );
    expect(readFileSync(join(server.dir, "state", "config.last.toml"), "utf8")).not.toContain(
      "30000",
    );
    await server.waitForLog(/Nobody confirmed the last reload in time/, from);
    expect(probe(lab, "stranger", SERVER, 8080)).toBe("refused");
    await opensBy(link);
    expect(server.command("status").out).toContain("the configuration before it is in force again");
    expect(server.command("confirm").err).toContain("it is permanent already");
  }, 20_000);

  test("a start takes what ran before, too, where nobody confirmed, until somebody reloads", async () => {
    const link = server.link("alice", "web");
    const file = join(server.dir, "config.toml");
    server.writeConfig(door('range = "30000-50000"'));
    const from = server.log.length;
    expect(server.command("reload", "--arm", "5s").code).toBe(0);
    await server.waitForLog(/Nobody confirmed the last reload in time/, from);
    await server.stop("SIGKILL");
    const fallback = join(server.dir, "state", "config.last.toml");
    const boot = lab.run(
      "server",
      [EXECUTABLE, "firewall", "load", "--config", file, "--fallback", fallback],
      { mayFail: true },
    );
    expect(boot.code).toBe(78);
    expect(boot.err).toContain(`${file}: nobody confirmed it in time`);
    expect(boot.err).toContain("Guarding 8080/tcp all the same, as the configuration that worked");
    await server.start();
    await opensBy(link);
    expect(server.command("status").out).toContain(
      `${file}: nobody confirmed it in time, so that a start does not take it`,
    );
    expect(server.command("reload", "--yes").code).toBe(0);
    await server.stop();
    await server.start();
    expect(server.command("status").out).not.toContain("nobody confirmed");
    await opensBy(server.link("bob", "web"));
  }, 30_000);

  test("--arm: neither a restart nor another key makes it the one that worked last, but a confirmation", async () => {
    const kept = () => readFileSync(join(server.dir, "state", "config.last.toml"), "utf8");
    server.writeConfig(door('range = "30000-50000"'));
    expect(server.command("reload", "--arm", "5m").code).toBe(0);
    await server.stop("SIGKILL");
    await server.start();
    expect(server.command("user", "add", "carol").code).toBe(0);
    expect(kept()).not.toContain("30000");
    expect(server.command("confirm", "--force").code).toBe(0);
    expect(kept()).toContain("30000");
    await opensBy(server.link("alice", "web"));
  });

  test("--arm stays once it is confirmed", async () => {
    server.writeConfig(door('range = "30000-50000"'));
    expect(server.command("reload", "--arm", "1m").code).toBe(0);
    expect(server.command("confirm", "--force").code).toBe(0);
    expect(readFileSync(join(server.dir, "state", "config.last.toml"), "utf8")).toContain("30000");
    await opensBy(server.link("alice", "web"));
  });
});
