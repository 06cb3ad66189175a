/** Others turn a firewall on and off while the daemon runs: guarded ports answer like closed ones all the time. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { probe } from "../support/service.ts";

const LIMIT_MS = 90_000;
const SERVER = "10.77.0.1";
const GUARDED = 8080;
const CLOSED = 8090;

const DOORS = `
[door.web]
opens = ["${GUARDED}/tcp"]
users = ["alice"]
`;

let lab: Lab;
let server: GuardedServer;

beforeAll(() => {
  lab = new Lab();
}, LIMIT_MS);
afterAll(() => lab?.[Symbol.dispose]());

beforeEach(async () => {
  server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
}, LIMIT_MS);
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  lab.run("server", ["nft", "flush", "ruleset"]);
});

/** As `ufw enable` does it, in several transactions. */
function turnOn(): void {
  for (const family of ["ip", "ip6"]) {
    const nft = (words: string) => lab.run("server", ["nft", words]);
    nft(`add table ${family} filter`);
    nft(
      `add chain ${family} filter INPUT { type filter hook input priority filter; policy accept; }`,
    );
    nft(`add rule ${family} filter INPUT ct state established,related accept`);
    nft(`add rule ${family} filter INPUT tcp dport ${GUARDED} accept`);
    nft(`add chain ${family} filter INPUT { policy drop; }`);
  }
}

function turnOff(): void {
  for (const family of ["ip", "ip6"]) lab.run("server", ["nft", `delete table ${family} filter`]);
}

function answers(): string[] {
  return [GUARDED, CLOSED].map((port) => probe(lab, "stranger", SERVER, port));
}

describe('deny = "auto"', () => {
  test(
    "follows a firewall that is turned on and off, and says so in both logs",
    async () => {
      expect(answers()).toEqual(["refused", "refused"]);

      let from = server.log.length;
      turnOn();
      await server.waitForLog(/Closed ports are silent now: guarded ports are, too$/m, from);
      expect(answers()).toEqual(["silent", "silent"]);

      from = server.log.length;
      turnOff();
      await server.waitForLog(/Closed ports refuse now: guarded ports do, too$/m, from);
      expect(answers()).toEqual(["refused", "refused"]);
      expect((await server.control("/readyz")).status).toBe(200);
      expect(server.log).not.toContain("Repaired");

      // Records are written together, a moment later.
      await server.stop();
      expect(server.command("log").out).toMatch(/are silent now[^]*refuse now/);
    },
    LIMIT_MS,
  );

  test(
    "is decided again now and then only, however often others change their rules",
    async () => {
      const change = () => {
        turnOn();
        turnOff();
      };
      const endMs = Date.now() + 4_000;
      while (Date.now() < endMs) change();
      turnOn();
      await server.waitForLog(/Closed ports are silent now/);
      // Until the rules have settled, it may have seen either.
      while (answers()[0] !== "silent") await Bun.sleep(250);
      expect(server.log.match(/Closed ports/g)?.length).toBeLessThanOrEqual(3);
    },
    LIMIT_MS,
  );
});

test(
  "a guard that is told how to deny says nothing about closed ports",
  async () => {
    await server.stop();
    server.writeConfig(`[guard]\ndeny = "reset"\n${DOORS}`);
    await server.start();
    const from = server.log.length;
    turnOn();
    await Bun.sleep(1_000);
    expect(answers()).toEqual(["refused", "silent"]);
    expect(server.log.slice(from)).not.toContain("Closed ports");
  },
  LIMIT_MS,
);
