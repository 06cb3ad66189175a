/** Never locked out: a guard on probation opens by itself, in the kernel, unless a knock was proved to work. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
open_for = "1m"
`;

describe("a guard on probation", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeEach(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
    server = new GuardedServer(lab, DOORS, { users: ["alice"] });
  });

  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  /**
   * Asks again until the answer is `wanted`; the kernel collects ended elements within a second or
   * two.
   */
  function untilProbe(answer: string, withinMs: number): number {
    const before = performance.now();
    while (probe(lab, "stranger", "10.77.0.1", 8080) !== answer) {
      expect(performance.now() - before).toBeLessThan(withinMs);
    }
    return performance.now() - before;
  }

  test("opens when nobody confirms, also when the daemon is dead", async () => {
    await server.start(["--arm", "5s"]);
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
    await server.stop("SIGKILL");
    untilProbe("open", 8_000);
    // A daemon that is started again does not lock the port by itself.
    await server.start();
    untilProbe("open", 3_000);
    await server.waitForLog(/Nobody confirmed in time/);
    expect((await server.control("/readyz")).status).toBe(503);
    expect(server.command("confirm").err).toContain("begin again with sallyport arm");
    expect(server.command("arm", "--for", "1h")).toMatchObject({ code: 0 });
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
    expect((await server.control("/readyz")).status).toBe(200);
  }, 30_000);

  test("says that it is, until when, and what came of it", async () => {
    const gauge = async () =>
      /^sallyport_probation_end_time_seconds ([\d.]+)$/m.exec(
        await (await server.control("/metrics")).text(),
      )?.[1];
    const types = () =>
      server
        .command("log", "--json", "--type", "guard")
        .out.trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { type: string }).type);
    await server.start(["--arm", "1h"]);
    expect(server.log).toContain(
      "Guarding on probation for 1h: knock, connect, and run sallyport confirm there, or the ports open again",
    );
    expect(server.command("status").out).toMatch(/On probation until .*\((1h|59m \d\ds)\): knock/);
    expect(Number(await gauge())).toBeCloseTo(Date.now() / 1_000 + 3_600, -2);
    const reloaded = server.command("reload");
    expect(reloaded.out).toContain("; still on probation: knock, connect");

    let from = server.log.length;
    await server.stop();
    await server.start();
    expect(server.log.slice(from)).toMatch(
      /The probation goes on for (?:1h|\d+m?s?): knock, connect/,
    );
    expect(server.command("confirm", "--force").code).toBe(0);
    await server.waitForLog(/Confirmed without a proof: the guard is permanent/);
    expect(await gauge()).toBe("0");
    expect(server.command("status").out).not.toContain("robation");

    expect(server.command("arm", "--for", "5s").code).toBe(0);
    from = server.log.length;
    await server.waitForLog(/Nobody confirmed in time: nothing is guarded any more/, from);
    expect(server.command("status").out).toContain(
      "\n  Nothing is guarded: nobody confirmed the probation in time: begin again with sallyport arm\n",
    );
    expect(server.command("reload").out).toContain(
      "and nothing is guarded: begin again with sallyport arm",
    );
    from = server.log.length;
    await server.stop();
    expect(server.command("log", "--type", "daemon.stopped").out.trim()).toEndWith(
      "Stopped by SIGTERM: nothing is guarded any more",
    );
    await server.start();
    expect(server.log.slice(from)).toContain("Guarding no port, listening on eth0");
    await server.stop();
    expect(types()).toEqual([
      "guard.probation",
      "guard.probation",
      "guard.confirmed",
      "guard.probation",
      "guard.lapsed",
      "guard.lapsed",
    ]);
  }, 40_000);

  test("is over for the next start, too, where the folder takes its end only at the stop", async () => {
    await server.start(["--arm", "1h"]);
    const record = join(server.dir, "state", "probation");
    rmSync(record);
    mkdirSync(record);
    expect(server.command("confirm", "--force").out).toBe(
      `Confirmed without a proof: the guard is permanent\n  A start may take up a probation that is over: Cannot write ${record}: EISDIR: take away the folder in its place\n`,
    );
    rmdirSync(record);
    writeFileSync(record, `${Date.now() + 3_600_000} 3600000\n`, { mode: 0o600 });
    await server.stop();
    await server.start();
    expect(server.command("status").out).not.toContain("robation");
  }, 30_000);

  test("is made permanent only by a knock and a new connection", async () => {
    await server.start(["--arm", "1h"]);
    expect(server.command("confirm").err).toContain("no door was opened by a knock");
    expect(server.knock("client", server.link("alice", "web"), "--no-wait")).toMatchObject({
      code: 0,
    });
    await server.waitForLog(/Opened web/);
    expect(server.command("confirm").err).toContain("no new connection");
    const session = lab.start("client", ["nc", "10.77.0.1", "8080"]);
    await session.stdout.getReader().read();
    expect(server.command("confirm")).toMatchObject({ code: 0 });
    expect(
      lab.run("server", ["nft", "list", "set", "inet", "sallyport", "guarded"]).out,
    ).not.toContain("timeout 1h");
    expect(server.command("confirm").err).toContain("permanent already");
  }, 30_000);

  test("is repaired with the time it has left", async () => {
    await server.start(["--arm", "1h"]);
    const from = server.log.length;
    lab.run("server", ["nft", "flush", "ruleset"]);
    await server.waitForLog(/Repaired the guard/, from);
    expect(lab.run("server", ["nft", "list", "set", "inet", "sallyport", "guarded"]).out).toMatch(
      /expires 59m/,
    );
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
  }, 30_000);
});

test("open_after lets a guard end whose daemon stays dead, and holds while it lives", async () => {
  using lab = new Lab();
  await using server = new GuardedServer(lab, `${DOORS}open_after = "1m"\n`, { users: ["alice"] });
  await server.start();
  /** Milliseconds until the kernel stops guarding by itself. */
  const leftMs = () => {
    const { out } = lab.run("server", ["nft", "list", "set", "inet", "sallyport", "guarded"]);
    const [, m = 0, s = 0] = /timeout 1m expires (?:(\d+)m(?!s))?(?:(\d+)s)?/.exec(out)!;
    return 60_000 * Number(m) + 1_000 * Number(s);
  };
  const until = async (holds: (leftMs: number) => boolean) => {
    const before = performance.now();
    while (!holds(leftMs())) {
      expect(performance.now() - before).toBeLessThan(10_000);
      await Bun.sleep(100);
    }
  };
  await until((left) => left < 54_000);
  // Any change by others makes the daemon look, and it renews an intact guard in the kernel, though
  // not at each look: what it loads is a change as well.
  lab.run("server", [
    "nft",
    "add element inet sallyport grants4 { 10.9.9.9 . tcp . 1 timeout 1s }",
  ]);
  await until((left) => left >= 58_000);
  expect(server.log).not.toContain("Repaired");
}, 30_000);
