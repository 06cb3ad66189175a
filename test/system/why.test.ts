/**
 * The daemon explains itself: why a knock did not open, who else sent it, and to whom it says so.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Explanation } from "../../src/api/control.ts";
import { addKey, makeKey, removeKeys } from "../../src/keys/keys.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { type Host, Lab } from "../support/lab.ts";
import { randomFrom } from "../support/random.ts";
import { startEcho } from "../support/service.ts";
import { forgedFrames, Wire } from "../torture/wire.ts";

const LIMIT_MS = 60_000;
const SERVER = "10.77.0.1";
const USERS = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"];

const config = (folder: string) => `
[knock]
window = "2s"

[door.web]
opens = ["8080/tcp"]
users = ${JSON.stringify(USERS)}
open_for = "2m"

[door.brief]
opens = ["8081/tcp"]
users = ["bob"]
open_for = "1s"

[door.legacy]
opens = ["8443/tcp"]
sequence = ["7000", "9000", "8000"]
close_sequence = ["8000", "9000", "7000"]

[alarm]
run = ["/bin/mkdir", "${folder}/alarm-{door}-{user}-{device}-{first_address}-{address}"]
`;

const HEALTH = `
import json, urllib.request, urllib.error
def read(path):
    try: return urllib.request.urlopen("http://127.0.0.1:7878" + path).read().decode()
    except urllib.error.HTTPError as error: return error.read().decode()
print(json.dumps([read("/readyz"), read("/metrics"), read("/openapi.json"), read("/v1/why/10.77.0.2")]))
`;

describe("sallyport why", () => {
  let lab: Lab;
  let server: GuardedServer;
  let addresses = 0;
  const folder = mkdtempSync(join(tmpdir(), "sallyport-alarms-"));

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
    server = await new GuardedServer(lab, config(folder), { users: USERS }).start();
  }, LIMIT_MS);

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  /** An address from which no other test knocks. */
  function freshAddress(host: Host): string {
    const address = `10.77.${host === "client" ? 20 : 30}.${++addresses}`;
    lab.addAddress(host, "eth0", `${address}/16`);
    return address;
  }

  function knock(host: Host, from: string, ports: readonly (number | string)[]): void {
    sendKnocks(
      lab,
      host,
      ports.map((port) => ({ to: SERVER, port: Number(port), from })),
    );
  }

  function why(address: string): string[] {
    const { out, err, code } = server.command("why", address);
    expect([code, err]).toEqual([0, ""]);
    return out.trimEnd().split("\n");
  }

  /**
   * Waits until the daemon has taken the packets: it sends a knock outside all sequences after
   * them.
   */
  async function heard(address: string): Promise<Explanation> {
    for (let i = 0; i < 100; i++) {
      const answer = await server.control(`/v1/why/${address}`);
      const explanation = (await answer.json()) as Explanation;
      if (explanation.findings.every(({ kind }) => kind !== "silent")) return explanation;
      await Bun.sleep(20);
    }
    throw new Error(`${address} was never heard`);
  }

  test(
    "names the ports that never came, and the log only counts them",
    async () => {
      const from = freshAddress("client");
      const ports = portsOf(server.link("alice", "web"));
      const logged = server.log.length;
      knock("client", from, ports.slice(0, 5));
      await heard(from);
      expect(server.command("why").out).toMatch(new RegExp(`^${from}\t5\t\\S+Z$`, "m"));
      const [line] = why(from);
      for (const port of ports.slice(5)) expect(line).toContain(`${port}`);
      expect(line).toMatch(/5 of 8 ports of alice\/default for web, .* never arrived/);
      const [told] = await server.waitForLog(new RegExp(`Nearly, ${from}: .*`), logged);
      expect(told).toContain("5 of 8 ports of alice/default for web, the others never arrived");
      for (const port of ports) expect(told).not.toContain(`${port}`);
      expect(await server.control("/v1/grants").then((r) => r.text())).not.toContain(from);
    },
    LIMIT_MS,
  );

  test.each([
    [-3, "slow"],
    [3, "fast"],
  ] as const)(
    "explains a clock that is %d slots off, and it opens nothing",
    async (ahead, word) => {
      const from = freshAddress("client");
      const logged = server.log.length;
      knock("client", from, portsOf(server.link("bob", "web"), ahead));
      const { findings } = await heard(from);
      expect(findings[0]).toMatchObject({ kind: "clock" });
      const [, seconds] = /off by about (\d+) s/.exec(findings[0]!.sentence)!;
      expect(Math.abs(Number(seconds) - 90)).toBeLessThanOrEqual(30);
      expect(findings[0]!.sentence).toContain(word);
      expect(findings.map(({ kind }) => kind)).not.toContain("open");
      await server.waitForLog(new RegExp(`Nearly, ${from}: .*off by about`), logged);
    },
    LIMIT_MS,
  );

  test(
    "tells who opened, who came too late with the same knock, and when",
    async () => {
      const [first, second] = [freshAddress("client"), freshAddress("stranger")];
      const ports = portsOf(server.link("carol", "web"));
      const logged = server.log.length;
      knock("client", first, ports);
      await server.waitForLog(new RegExp(`Opened web .* to ${first}`), logged);
      knock("stranger", second, ports);
      await server.waitForLog(new RegExp(`Refused ${second}`), logged);
      const opened = why(first);
      expect(opened[0]).toMatch(
        new RegExp(`^✓ web is open to ${first} until \\d\\d:\\d\\d:\\d\\d UTC`),
      );
      expect(opened[1]).toMatch(/✓ .*The right knock of carol\/default for web: it opened at/);
      expect(why(second)[0]).toMatch(
        new RegExp(`already used at \\d\\d:\\d\\d:\\d\\d UTC from ${first}`),
      );
      await server.waitForLog(
        new RegExp(`Ran /bin/mkdir for an alarm about web and ${second}`),
        logged,
      );
      expect(existsSync(join(folder, `alarm-web-carol-default-${first}-${second}`))).toBeTrue();
      // One alarm for each knock, whole or in part: the window of the first is over now.
      await Bun.sleep(3_000);
      const alarms = server.log
        .slice(logged)
        .match(new RegExp(`(Refused|came from) ${second}`, "g"));
      expect(alarms).toHaveLength(1);
    },
    LIMIT_MS,
  );

  test(
    "tells a second device with the link that it opened nothing, once the grant of the first is over",
    async () => {
      const from = freshAddress("client");
      const ports = portsOf(server.link("bob", "brief"));
      const logged = server.log.length;
      knock("client", from, ports);
      await server.waitForLog(new RegExp(`Closed brief to ${from}`), logged);
      expect(why(from)).toEqual([
        expect.stringMatching(/^✓ .*The right knock of bob\/default for brief: it opened at/),
      ]);
      // Sooner it could be a copy of the first.
      await Bun.sleep(5_500);
      const before = (await counters())["knocks"]!;
      knock("client", from, ports);
      while ((await counters())["knocks"]! < before + ports.length) await Bun.sleep(20);
      expect(why(from)).toEqual([
        expect.stringMatching(
          /^✗ .*bob\/default for brief, but their slot was used at [\d:]+ UTC from this very address, so they opened nothing this time/,
        ),
      ]);
    },
    LIMIT_MS,
  );

  test(
    "raises one alarm that names both addresses when most of a used knock came from another",
    async () => {
      const [first, second, third] = [
        freshAddress("client"),
        freshAddress("stranger"),
        freshAddress("stranger"),
      ];
      const ports = portsOf(server.link("dave", "web"));
      const logged = server.log.length;
      const before = await counters();
      knock("stranger", second, ports.slice(0, 4));
      knock("client", first, ports);
      knock("stranger", second, ports.slice(4, 6));
      // Four of eight are no more than half.
      knock("stranger", third, ports.slice(0, 4));
      await server.waitForLog(
        new RegExp(`6 of 8 ports .* dave/default .*from ${first}, also came from ${second}`),
        logged,
      );
      await server.waitForLog(
        new RegExp(`Ran /bin/mkdir for an alarm about web and ${second}`),
        logged,
      );
      expect(existsSync(join(folder, `alarm-web-dave-default-${first}-${second}`))).toBeTrue();
      // The rest comes later: the use is reported already.
      knock("stranger", second, ports);
      await heard(second);
      await Bun.sleep(500);
      expect(server.log.slice(logged).match(/also came from|Refused/g)).toHaveLength(1);
      const after = await counters();
      expect(after["partialReuses"]! - before["partialReuses"]!).toBe(1);
    },
    LIMIT_MS,
  );

  async function counters(): Promise<Record<string, number>> {
    const answer = await server.control("/v1/status");
    return ((await answer.json()) as { counters: Record<string, number> }).counters;
  }

  test(
    "tells how far a fixed sequence got, and what came in between",
    async () => {
      const from = freshAddress("client");
      knock("client", from, [7_000, 9_000, 7_500]);
      expect((await heard(from)).findings[0]).toMatchObject({
        kind: "fixed",
        sentence: expect.stringContaining("open legacy: 2 of 3, then 7500/tcp came in between"),
      });
    },
    LIMIT_MS,
  );

  test(
    "does not take the knocks that opened for a try to close",
    async () => {
      const from = freshAddress("client");
      const logged = server.log.length;
      knock("client", from, [7_000, 9_000, 8_000]);
      await server.waitForLog(new RegExp(`Opened legacy .* to ${from}`), logged);
      expect(why(from)).toEqual([
        expect.stringMatching(/^✓ legacy is open to/),
        expect.stringMatching(/^✓ .*The whole sequence to open legacy, in order$/),
      ]);
    },
    LIMIT_MS,
  );

  test(
    "still explains a knock that came in the middle of forged sources, and logs no line for these",
    async () => {
      const from = freshAddress("client");
      const ports = portsOf(server.link("erin", "web"));
      const wire = new Wire(lab);
      const forged = forgedFrames(
        wire.frame({ from: "198.18.0.1", to: SERVER, port: 20_000 }),
        60_000,
        {
          randomBits: 32,
          ports: [20_000, 52_767],
          random: randomFrom(9),
        },
      );
      const logged = server.log.length;
      const before = await counters();
      const flood = wire.start("stranger", forged, { count: forged.length, perSecond: 20_000 });
      while ((await counters())["knocks"]! < before["knocks"]! + 10_000) await Bun.sleep(20);
      knock("client", from, [...ports.slice(0, 6), ...ports.slice(0, 6)]);
      await flood.sent;
      expect((await heard(from)).findings[0]).toMatchObject({
        kind: "incomplete",
        sentence: expect.stringContaining("6 of 8 ports of erin/default for web"),
      });
      await server.waitForLog(new RegExp(`Nearly, ${from}: 6 of 8`), logged);
      const nearly = [...server.log.slice(logged).matchAll(/Nearly, (\S+):/g)].map(
        ([, who]) => who,
      );
      expect(nearly.filter((who) => who?.startsWith("10.77.") !== true)).toEqual([]);
    },
    LIMIT_MS,
  );

  /** Replaces the configuration, as an editor and `sallyport reload` do. */
  function reconfigure(text: string): void {
    writeFileSync(server.config, text);
    const { code, err } = server.command("reload", "--yes");
    expect(code, err).toBe(0);
  }

  test(
    "tells a link that a reload made void from a filtered one, and what opened before from what did not",
    async () => {
      const [first, second] = [freshAddress("client"), freshAddress("client")];
      const ports = portsOf(server.link("frank", "web"));
      const late = portsOf(server.link("grace", "web"));
      const logged = server.log.length;
      knock("client", first, ports);
      await server.waitForLog(new RegExp(`Opened web .* to ${first}`), logged);
      const before = readFileSync(server.config, "utf8");
      try {
        reconfigure(before.replace("[knock]\n", "[knock]\nports = 9\n"));
        knock("client", second, late);
        await heard(second);
        expect(why(second)[0]).toMatch(
          /^✗ .*The right ports of grace\/default for web, by terms that a reload changed at [\d:]+ UTC: links of before are void: make a new one \(sallyport user show grace\)$/,
        );
        expect(why(first)[1]).toMatch(/^✓ .*The right knock of frank\/default for web: it opened/);
      } finally {
        reconfigure(before);
      }
    },
    LIMIT_MS,
  );

  test(
    "knows a knock by a key that the daemon has not read yet",
    async () => {
      const from = freshAddress("client");
      const state = join(server.dir, "state");
      addKey(state, { user: "erin", device: "phone", key: makeKey("gate") });
      try {
        knock("client", from, portsOf(server.link("erin/phone", "web")));
        await heard(from);
        expect(why(from)).toEqual([
          expect.stringMatching(
            /^✗ .*The right ports of erin\/phone for web, by a key that the daemon has not read yet: run "sallyport reload"/,
          ),
          expect.stringMatching(/^✗ Keys changed since the daemon read them/),
        ]);
      } finally {
        removeKeys(state, "erin", "phone");
      }
    },
    LIMIT_MS,
  );

  test("says that nothing was heard, and what could be in the way", () => {
    expect(why("203.0.113.99")[0]).toMatch(
      /^✗ Nothing was heard from 203\.0\.113\.99 in the last (minute|\d+ minutes), .*firewall on the way/,
    );
  });

  test(
    "names the rule of another table that drops the guarded port",
    () => {
      lab.run("server", ["nft", "-f", "-"], {
        input: `table inet filter { chain input { type filter hook input priority filter; tcp dport 22 accept; tcp dport 8080 drop; }; }`,
      });
      try {
        expect(why("203.0.113.98").join("\n")).toMatch(
          /Another table drops 8080\/tcp: table inet filter, chain input, rule 2: tcp dport 8080 drop/,
        );
      } finally {
        lab.run("server", ["nft", "delete", "table", "inet", "filter"]);
      }
    },
    LIMIT_MS,
  );

  test(
    "lets nobody see a partial knock, nor the answer, on the listener that asks for no password",
    async () => {
      const publicView = () => {
        const { out } = lab.run("server", ["python3", "-c", HEALTH]);
        return JSON.parse(out) as string[];
      };
      const from = freshAddress("client");
      const before = publicView();
      knock("client", from, portsOf(server.link("erin", "web")).slice(0, 7));
      await heard(from);
      const after = publicView();
      expect(after).toEqual(before);
      expect(after[3]).toContain("Nothing is served here");
    },
    LIMIT_MS,
  );
});
