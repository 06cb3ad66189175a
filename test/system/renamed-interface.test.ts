/** An interface that exists no more under its name deafens no daemon behind whose guard everybody stands. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const LIMIT_MS = 90_000;
const SERVER = "10.77.0.1";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]

[door.legacy]
opens = ["8081/tcp"]
sequence = ["7000", "8000", "9000"]
`;

let lab: Lab;
let server: GuardedServer;
let link: string;

beforeAll(async () => {
  lab = new Lab();
  await startEcho(lab, "server", 8080);
}, LIMIT_MS);
afterAll(() => lab?.[Symbol.dispose]());

beforeEach(async () => {
  server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
  link = server.link("alice", "web");
}, LIMIT_MS);
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
});

async function restart(): Promise<void> {
  await server.stop("SIGKILL");
  await server.start();
}

/** The owner knocks with the link he has. */
function opens(): boolean {
  const knocked = server.knock("client", link, "--timeout", "20s");
  return knocked.code === 0 && probe(lab, "client", SERVER, 8080) === "open";
}

describe("an interface that is called otherwise by now", () => {
  const rename = (from: string, to: string) => {
    lab.run("server", ["ip", "link", "set", from, "down"]);
    lab.run("server", ["ip", "link", "set", from, "name", to]);
    lab.run("server", ["ip", "link", "set", to, "up"]);
  };

  test(
    "deafens no daemon: it hears rotating knocks on all of them until that one is back",
    async () => {
      let from = server.log.length;
      rename("eth0", "lan0");
      await server.waitForLog(/There is no eth0/, from);
      expect(opens()).toBe(true);
      expect(server.command("status").out).toContain("There is no eth0");

      // A start, and keys that change meanwhile, as well.
      await restart();
      expect(server.command("close", "alice").code).toBe(0);
      expect(server.command("user", "add", "alice", "--device", "phone").code).toBe(0);
      expect(opens()).toBe(true);

      // Whoever knows a fixed sequence may be anybody there.
      from = server.log.length;
      sendKnocks(
        lab,
        "client",
        [7000, 8000, 9000].map((port) => ({ to: SERVER, port })),
      );
      sendKnocks(
        lab,
        "stranger",
        portsOf(server.link("alice/phone", "web")).map((port) => ({ to: SERVER, port })),
      );
      await server.waitForLog(/Opened web .*10\.77\.0\.3/, from);
      expect(server.log.slice(from)).not.toContain("Opened legacy");

      from = server.log.length;
      rename("lan0", "eth0");
      await server.waitForLog(/Listening on eth0$/m, from);
      expect((await server.control("/readyz")).status).toBe(200);
      sendKnocks(
        lab,
        "client",
        [7000, 8000, 9000].map((port) => ({ to: SERVER, port })),
      );
      await server.waitForLog(/Opened legacy/, from);
    },
    LIMIT_MS,
  );

  test(
    "is still refused where it is new in the configuration, and at a first start from a terminal",
    async () => {
      const text = readFileSync(server.config, "utf8").replace('["eth0"]', '["eth7"]');
      writeFileSync(server.config, text);
      expect(server.command("reload", "--yes").err).toContain(
        ": eth7 does not exist: this machine has ",
      );
      await server.stop();
      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
      const first = lab.run("server", server.argv("serve"), { mayFail: true });
      expect([first.code, first.err]).toEqual([
        1,
        expect.stringContaining("Cannot capture on eth7"),
      ]);
    },
    LIMIT_MS,
  );
});
