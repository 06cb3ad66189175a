/**
 * Keys come and go beside a running daemon: a removed one opens nothing from then on, an added one
 * opens at once.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addKey, makeKey, removeKeys } from "../../src/keys/keys.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { type Host, Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { probe, startEcho } from "../support/service.ts";
import { Session } from "../support/session.ts";
import { until } from "../support/until.ts";

const SERVER = "10.77.0.1";
const doors = (openFor: string) => `
[door.web]
opens = ["8080/tcp"]
users = ["*"]
open_for = "${openFor}"
`;

describe("sallyport user, beside a running daemon", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
  });
  afterAll(() => lab?.[Symbol.dispose]());

  beforeEach(async () => {
    server = new GuardedServer(lab, doors("1m"), { users: ["alice/phone", "alice/laptop", "bob"] });
    await server.start();
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
  });

  async function knock(host: Host, link: string, heard = /Opened web/): Promise<void> {
    const from = server.log.length;
    sendKnocks(
      lab,
      host,
      portsOf(link).map((port) => ({ to: SERVER, port })),
    );
    await server.waitForLog(heard, from);
  }

  test("remove ends what the device holds, with its session, and it opens nothing any more", async () => {
    const [phone, laptop] = [server.link("alice/phone", "web"), server.link("alice/laptop", "web")];
    await knock("client", phone);
    await knock("stranger", laptop);
    using session = await Session.open(lab, "client", SERVER, 8080);
    using other = await Session.open(lab, "stranger", SERVER, 8080);
    expect(await session.echo("before")).toBe("echoed");

    const removed = server.command("user", "remove", "alice/phone");
    expect(removed).toMatchObject({ code: 0, out: "" });
    expect(removed.err).toBe(
      "Removed alice/phone\nweb is closed to 10.77.0.2 for alice/phone\nThe running daemon took it: nobody gets in by it any more\n",
    );
    expect(await session.echo("after")).not.toBe("echoed");
    expect(probe(lab, "client", SERVER, 8080)).toBe("refused");
    expect(await other.echo("after")).toBe("echoed");
    expect(probe(lab, "stranger", SERVER, 8080)).toBe("open");

    const from = server.log.length;
    sendKnocks(
      lab,
      "client",
      portsOf(phone).map((port) => ({ to: SERVER, port })),
    );
    // Heard after those, so that their grant would exist by now.
    await knock("stranger", server.link("bob", "web"), /by bob/);
    expect(server.log.slice(from)).not.toContain("to 10.77.0.2");
    expect(probe(lab, "client", SERVER, 8080)).toBe("refused");
  });

  test("remove ends a session that outlived its grant, and none of another device", async () => {
    await server.stop();
    server.writeConfig(doors("4s"));
    await server.start();
    const link = server.link("alice/phone", "web");
    await knock("client", link);
    using session = await Session.open(lab, "client", SERVER, 8080);
    await knock("stranger", server.link("alice/laptop", "web"));
    using other = await Session.open(lab, "stranger", SERVER, 8080);
    await server.waitForLog(/Closed web to 10\.77\.0\.2/);
    await server.waitForLog(/Closed web to 10\.77\.0\.3/);
    expect(await session.echo("before")).toBe("echoed");
    expect(server.command("user", "remove", "alice/phone").err).toBe(
      "Removed alice/phone\nA session through web from 10.77.0.2 is cut\nThe running daemon took it: nobody gets in by it any more\n",
    );
    expect(await session.echo("after")).not.toBe("echoed");
    expect(await other.echo("after")).toBe("echoed");
  });

  test("add tells whose key the file had lost before, and what that closed", async () => {
    await knock("client", server.link("alice/phone", "web"));
    const file = join(server.dir, "state/keys.toml");
    const [head, ...devices] = readFileSync(file, "utf8").split(/^(?=\[)/m);
    const kept = devices.filter((device) => !/alice.*phone/.test(device));
    expect(kept).toHaveLength(devices.length - 1);
    writeFileSync(file, [head, ...kept].join(""));
    const { code, err } = server.command("user", "add", "bob/tablet", "--host", SERVER);
    expect(code).toBe(0);
    expect(err).toEndWith(
      `${file} holds no key of alice/phone any more, or another one: the running daemon took that, too\n` +
        "web is closed to 10.77.0.2 for alice/phone\n" +
        "The running daemon took the key: it opens its doors from now on\n",
    );
  });

  describe("close, when the grant is over", () => {
    const NOTHING = (what: string) =>
      `sallyport: Cannot close anything: ${what} 10.77.0.2: sallyport grants lists the open doors\n`;
    const CUT = "through web from 10.77.0.2: its grant was over already\n";

    /** Knocks, connects and outstays the grant. */
    async function outstay(host: Host, who: string): Promise<Session> {
      const from = server.log.length;
      await knock(host, server.link(who, "web"));
      const session = await Session.open(lab, host, SERVER, 8080);
      await server.waitForLog(/Closed web to/, from);
      expect(await session.echo("before")).toBe("echoed");
      return session;
    }

    beforeEach(async () => {
      await server.stop();
      server.writeConfig(doors("2s"));
      await server.start();
    });

    test.each([
      [["10.77.0.2"]],
      [["10.77.0.2/32"]],
      [["web", "10.77.0.2"]],
      [["alice"]],
      [["alice/phone"]],
    ])("%j cuts the session, and none of another person", async (argv) => {
      using session = await outstay("client", "alice/phone");
      using other = await outstay("stranger", "bob");
      expect(server.command("close", "alice/laptop").code).toBe(1);
      expect(await session.echo("between")).toBe("echoed");
      const out = `Cut 1 session ${CUT}`;
      expect(server.command("close", ...argv)).toEqual({ code: 0, out, err: "" });
      expect(await session.echo("after")).not.toBe("echoed");
      expect(await other.echo("after")).toBe("echoed");
      await until(() => server.command("log", "--type", "sessions.cut").out.includes(out));
      // Nobody is inside any more.
      expect(server.command("close", ...argv).code).toBe(1);
    });

    test("cuts the session of a door opened by hand as well, by its address", async () => {
      expect(server.command("open", "web", "10.77.0.2", "--for", "1s").code).toBe(0);
      using session = await Session.open(lab, "client", SERVER, 8080);
      await server.waitForLog(/Closed web to/);
      expect(server.command("close", "10.77.0.2").out).toBe(`Cut 1 session ${CUT}`);
      expect(await session.echo("after")).not.toBe("echoed");
    });

    test("says that nothing is open where the visitor has left, and cuts none that a grant holds", async () => {
      (await outstay("client", "alice/phone"))[Symbol.dispose]();
      await until(
        () => !lab.run("server", ["ss", "-Htn", "state", "established"]).out.includes("10.77.0.2"),
      );
      expect(server.command("close", "10.77.0.2").err).toBe(NOTHING("no door is open to"));
      expect(server.command("close", "web", "10.77.0.2").err).toBe(NOTHING("web is not open to"));
      using session = await outstay("client", "alice/laptop");
      expect(server.command("open", "web", "10.77.0.2", "--for", "1m").code).toBe(0);
      expect(server.command("close", "alice").code).toBe(1);
      expect(await session.echo("after")).toBe("echoed");
    });
  });

  test("remove ends what the device holds, however many reloads run beside it", async () => {
    await knock("client", server.link("alice/phone", "web"));
    await knock("client", server.link("bob", "web"), /by bob/);
    using session = await Session.open(lab, "client", SERVER, 8080);
    // As a reload in the middle of the command: it finds the key gone, and ends nothing.
    removeKeys(join(server.dir, "state"), "alice", "phone");
    expect(server.command("reload", "--yes").code).toBe(0);
    const remove = async (user: string, device: string) => {
      const body = JSON.stringify({ removed: { user, device } });
      const headers = { "content-type": "application/json" };
      const response = await server.control("/v1/keys/reload", { method: "POST", body, headers });
      const { ended } = (await response.json()) as { ended: { user: string }[] };
      return ended.map((grant) => grant.user);
    };
    expect(await remove("alice", "phone")).toEqual(["alice"]);
    // One who has a key keeps what it opened.
    expect(await remove("bob", "default")).toEqual([]);
    expect(await session.echo("after")).toBe("echoed");
    expect(probe(lab, "client", SERVER, 8080)).toBe("open");
  });

  test("remove --keep-sessions leaves open what is open", async () => {
    await knock("client", server.link("alice/phone", "web"));
    expect(server.command("user", "remove", "alice", "--keep-sessions").code).toBe(0);
    expect(probe(lab, "client", SERVER, 8080)).toBe("open");
  });

  test("remove works by the configuration that worked last where config.toml is broken, and by no other", async () => {
    await knock("client", server.link("alice/phone", "web"));
    server.writeConfig(`${doors("1m")}broken = [`);
    const none = join(server.dir, "none.toml");
    const missing = run([EXECUTABLE, "user", "remove", "alice/phone", "--config", none], {
      mayFail: true,
    });
    expect(missing.code).not.toBe(0);
    expect(missing.err).toContain(none);
    expect(probe(lab, "client", SERVER, 8080)).toBe("open");
    const removed = server.command("user", "remove", "alice/phone");
    expect(removed.code).toBe(0);
    expect(removed.err).toMatch(
      /TOML is broken.*\nTook the configuration that worked last: mend this one\nRemoved alice\/phone\nweb is closed to 10\.77\.0\.2/,
    );
    expect(probe(lab, "client", SERVER, 8080)).toBe("refused");
  });

  test("an added key opens without a reload", async () => {
    const added = server.command("user", "add", "carol", "--host", SERVER);
    expect(added).toMatchObject({ code: 0 });
    expect(added.err).toContain("opens its doors from now on");
    await knock("client", added.out.trim());
    expect(probe(lab, "client", SERVER, 8080)).toBe("open");
  });

  test("close USER/DEVICE ends what it holds", async () => {
    await knock("client", server.link("alice/phone", "web"));
    expect(server.command("close", "alice/laptop").code).toBe(1);
    expect(server.command("close", "alice/phone").out).toBe("web is closed to 10.77.0.2\n");
    expect(probe(lab, "client", SERVER, 8080)).toBe("refused");
  });

  test("status, why and doctor say that keys changed behind the daemon's back, until it read them", () => {
    const state = join(server.dir, "state");
    const says = () => [
      server.command("status").out.includes("Keys changed since the daemon read them"),
      server.command("why", "10.77.0.2").out.includes("Keys changed since the daemon read them"),
      lab
        .run("server", server.argv("doctor"), { mayFail: true })
        .out.includes("Keys changed since the daemon read them"),
    ];
    expect(says()).toEqual([false, false, false]);
    addKey(state, { user: "dave", device: "default", key: makeKey("lab") });
    expect(says()).toEqual([true, true, true]);
    removeKeys(state, "dave");
    addKey(state, { user: "dave", device: "default", key: makeKey("lab") });
    expect(server.command("reload").code).toBe(0);
    expect(says()).toEqual([false, false, false]);
  });
});
