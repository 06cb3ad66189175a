/**
 * Starts, stops, crashes and reloads: the guard stays, grants end by themselves, nothing is
 * forgotten.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const door = (openFor: string) => `
[door.web]
opens = ["8080/tcp"]
users = ["alice", "bob"]
open_for = "${openFor}"
`;

describe("the daemon", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
  });

  afterAll(() => lab?.[Symbol.dispose]());

  beforeEach(async () => {
    await server?.[Symbol.asyncDispose]();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
    server = new GuardedServer(lab, door("3s"), { users: ["alice", "bob"] });
  });

  afterAll(async () => await server?.[Symbol.asyncDispose]());

  test.each(["SIGTERM", "SIGINT"] as const)(
    "stops within a second of %s and leaves the guard up",
    async (signal) => {
      await server.start();
      const before = performance.now();
      expect(await server.stop(signal)).toBe(0);
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("refused");
      expect(server.log).toContain(
        '8080/tcp stays closed, and no knock opens: start sallyport again, or run "sallyport firewall remove", which lets everybody in',
      );
    },
  );

  test("status names protocols also where a minimal system has no /etc/protocols", async () => {
    await server.start();
    await server.stop();
    const without = 'mount --bind /dev/null /etc/protocols && exec "$@"';
    const argv = ["unshare", "-m", "sh", "-c", without, "sh", ...server.argv("status")];
    const { out } = lab.run("server", argv, { mayFail: true });
    expect(out).toStartWith("No sallyport runs here, and the kernel guards 8080/tcp: ");
  });

  test("status tells what the kernel guards when no daemon runs", async () => {
    const status = (...options: string[]) =>
      lab.run("server", server.argv("status", ...options), { mayFail: true });
    expect(status()).toMatchObject({
      code: 1,
      out: "No sallyport runs here, and nothing is guarded: every port is as open as without it\n",
    });
    server.writeConfig(door("1m"));
    await server.start();
    expect(server.command("open", "web", "10.77.0.2").code).toBe(0);
    await server.stop();
    expect(status()).toEqual({
      code: 1,
      out:
        "No sallyport runs here, and the kernel guards 8080/tcp: no knock opens a door\n" +
        'Start it again with "sallyport serve" or "systemctl start sallyport"; "sallyport firewall remove" opens them to everybody\nOpen until their time is over: 1 grant from before\n',
      err: "",
    });
    expect(JSON.parse(status("--json").out)).toEqual({
      running: false,
      ready: false,
      guarded: ["8080/tcp"],
      grants: 1,
    });
    await server.start(["--arm", "1h"]);
    await server.stop();
    expect(status().out).toMatch(/the kernel guards 8080\/tcp for (1h|59m( \d+s)?) more/);
  });

  test("takes the guard away when on_stop is open", async () => {
    server.writeConfig(`${door("3s")}\n[guard]\non_stop = "open"\n`);
    await server.start();
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("refused");
    await server.stop();
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
  });

  test("killed right after a grant: the kernel ends it on time", async () => {
    await server.start();
    sendKnocks(
      lab,
      "client",
      portsOf(server.link("alice", "web")).map((port) => ({ to: "10.77.0.1", port })),
    );
    await server.waitForLog(/Opened web/);
    const opened = performance.now();
    await server.stop("SIGKILL");
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
    while (probe(lab, "client", "10.77.0.1", 8080) === "open") {
      expect(performance.now() - opened).toBeLessThan(5_000);
    }
    expect(performance.now() - opened).toBeGreaterThan(2_500);
  });

  test("killed and started again keeps the grant, and the sequence stays used", async () => {
    server.writeConfig(door("1m"));
    await server.start();
    const knocks = portsOf(server.link("alice", "web")).map((port) => ({ to: "10.77.0.1", port }));
    sendKnocks(lab, "client", knocks);
    await server.waitForLog(/Opened web/);
    await server.stop("SIGKILL");
    const from = server.log.length;
    await server.start();
    expect(server.log.slice(from)).toContain("1 grant brought back");
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
    sendKnocks(lab, "stranger", knocks);
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
    expect(await (await server.control("/v1/grants")).json()).toMatchObject({
      grants: [{ door: "web", user: "alice", device: "default", address: "10.77.0.2" }],
    });
  });

  test("counts its captures after a reload as before", async () => {
    await server.start();
    const captures = async () =>
      /^sallyport_capture_interfaces (\d+)$/m.exec(
        await (await server.control("/metrics")).text(),
      )?.[1];
    expect(await captures()).toBe("1");
    expect(server.command("reload").code).toBe(0);
    expect(await captures()).toBe("1");
  });

  test("reloads on SIGHUP: a new port is guarded, a grant is kept, a new key opens", async () => {
    server.writeConfig(door("1m"));
    await server.start();
    await startEcho(lab, "server", 8081);
    sendKnocks(
      lab,
      "client",
      portsOf(server.link("alice", "web")).map((port) => ({ to: "10.77.0.1", port })),
    );
    await server.waitForLog(/Opened web/);
    server.writeConfig(`${door("1m")}\n[door.second]\nopens = ["8081/tcp"]\nusers = ["carol"]\n`);
    expect(server.command("user", "add", "carol", "--host", "10.77.0.1")).toMatchObject({
      code: 0,
    });
    const from = server.log.length;
    expect(probe(lab, "stranger", "10.77.0.1", 8081)).toBe("open");
    server.signal("SIGHUP");
    await server.waitForLog(/Reloaded/, from);
    expect(probe(lab, "stranger", "10.77.0.1", 8081)).toBe("refused");
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
    expect(server.knock("stranger", server.link("carol", "second"))).toMatchObject({ code: 0 });
    expect(probe(lab, "stranger", "10.77.0.1", 8081)).toBe("open");
  });

  test("keeps the old configuration when the new one is wrong, and says what is wrong", async () => {
    await server.start();
    const link = server.link("alice", "web");
    const from = server.log.length;
    server.writeConfig(door("soon"));
    server.signal("SIGHUP");
    const [line] = await server.waitForLog(/Reload refused[^]*open_for[^\n]*/, from);
    expect(line).toContain("soon");
    expect(server.knock("client", link)).toMatchObject({ code: 0 });
  });
});
