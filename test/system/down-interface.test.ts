/** An interface that is down hears no knock: the daemon says so, and hears again once it is up. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const LIMIT_MS = 90_000;
const SERVER = "10.77.0.1";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
`;

let lab: Lab;
let server: GuardedServer;

beforeAll(async () => {
  lab = new Lab();
  await startEcho(lab, "server", 8080);
}, LIMIT_MS);
afterAll(() => lab?.[Symbol.dispose]());
afterEach(async () => {
  set("eth0", "up");
  await server[Symbol.asyncDispose]();
  lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
});

const set = (device: string, state: "up" | "down") =>
  lab.run("server", ["ip", "link", "set", device, state]);

async function start(interfaces: readonly string[]): Promise<void> {
  server = await new GuardedServer(lab, DOORS, { users: ["alice"], interfaces }).start();
}

async function readiness(): Promise<unknown> {
  const response = await server.control("/readyz");
  return [response.status, await response.json()];
}

/** The owner knocks with the link he has. */
function opens(): boolean {
  const knocked = server.knock("client", server.link("alice", "web"), "--timeout", "20s");
  return knocked.code === 0 && probe(lab, "client", SERVER, 8080) === "open";
}

describe("a configured interface that is down", () => {
  beforeEach(() => start(["eth0"]), LIMIT_MS);

  test(
    "is a reason not to be ready until it is up, and hears again then",
    async () => {
      for (let round = 0; round < 2; round++) {
        let from = server.log.length;
        set("eth0", "down");
        await server.waitForLog(/error The interface eth0 is down: bring it up/, from);
        expect(await readiness()).toEqual([
          503,
          expect.objectContaining({
            ready: false,
            reasons: [
              expect.objectContaining({
                code: "capture",
                detail: "The interface eth0 is down: bring it up (ip link set eth0 up)",
              }),
            ],
          }),
        ]);
        expect(server.command("status").out).toContain("The interface eth0 is down");

        from = server.log.length;
        set("eth0", "up");
        await server.waitForLog(/Listening on eth0$/m, from);
        expect(await readiness()).toEqual([200, expect.objectContaining({ ready: true })]);
        expect(server.log.slice(from)).not.toContain("error");
      }
      expect(opens()).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    "is no interface that is missing, for a start meanwhile",
    async () => {
      await server.stop("SIGKILL");
      set("eth0", "down");
      await server.start();
      expect(server.command("status").out).toContain("There is no eth0 that is up");
      const from = server.log.length;
      set("eth0", "up");
      await server.waitForLog(/Listening on eth0$/m, from);
      expect(await readiness()).toEqual([200, expect.objectContaining({ ready: true })]);
      expect(opens()).toBe(true);
    },
    LIMIT_MS,
  );
});

test(
  "one of several that is down is told beside those that are missing",
  async () => {
    await start(["eth0", "ctr0", "eth7"]);
    const from = server.log.length;
    set("ctr0", "down");
    await server.waitForLog(
      /Not listening on eth7: tried again every half second; The interface ctr0 is down/,
      from,
    );
    set("ctr0", "up");
    await server.waitForLog(/error Not listening on eth7: tried again every half second$/m, from);
    expect(opens()).toBe(true);
  },
  LIMIT_MS,
);

test(
  'no interface has to be up where knocks are heard on "any"',
  async () => {
    await start(["any"]);
    set("eth0", "down");
    await Bun.sleep(1_500);
    expect(await readiness()).toEqual([200, expect.objectContaining({ ready: true })]);
    set("eth0", "up");
    expect(opens()).toBe(true);
  },
  LIMIT_MS,
);
