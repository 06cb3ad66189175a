/** Changes by others to the guard are undone, with the remaining life of each grant. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
open_for = "1m"
`;

/** Remaining seconds of the client's grant, as nft lists it. */
function remaining(lab: Lab): number {
  const { out } = lab.run("server", ["nft", "list", "set", "inet", "sallyport", "grants4"]);
  const [, minutes = "0", seconds = "0"] =
    /10\.77\.0\.2 .*expires (?:(\d+)m)?(?:(\d+)s)?/.exec(out) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}

describe("the guard", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
    server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
    expect(server.command("open", "web", "10.77.0.2", "--for", "2m")).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  test.each([
    ["flush ruleset"],
    ["delete table inet sallyport"],
    ["flush chain inet sallyport guard"],
    ["delete element inet sallyport grants4 { 10.77.0.2 . tcp . 8080 }"],
    ["delete element inet sallyport guarded { tcp . 8080 }"],
    ["add table inet sallyport { flags dormant; }"],
  ])("is back within 100 ms of nft %s, the grant with what it has left", async (command) => {
    const took: number[] = [];
    let before = 0;
    // Others may use this machine at that very moment: once of five times it must be quick.
    while (took.length < 5 && !took.some((ms) => ms < 100)) {
      const from = server.log.length;
      before = remaining(lab);
      lab.run("server", ["nft", command]);
      const [, ms] = await server.waitForLog(/Repaired the guard in ([\d.]+) ms/, from);
      took.push(Number(ms));
    }
    expect(Math.min(...took)).toBeLessThan(100);
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
    expect(remaining(lab)).toBeLessThanOrEqual(before);
    expect(remaining(lab)).toBeGreaterThan(before - 5);
    expect((await server.control("/readyz")).status).toBe(200);
  });

  test("leaves other tables alone, and is not repaired for their sake", async () => {
    const from = server.log.length;
    lab.run("server", ["nft", "add table inet other"]);
    lab.run("server", ["nft", "delete table inet other"]);
    expect(server.command("grants").code).toBe(0);
    expect(server.log.slice(from)).not.toContain("Repaired");
  });
});
