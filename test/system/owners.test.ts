/**
 * Owners of one port: two doors, two devices behind one address, a grant for one connection that is
 * spent.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Grant } from "../../src/core/grant.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";
import { Session } from "../support/session.ts";

const SERVER = "10.77.0.1";
const CLIENT = "10.77.0.2";

const doors = (uses = "many") => `
[door.long]
opens = ["8080/tcp"]
users = ["alice"]
open_for = "8h"

[door.short]
opens = ["8080-8081/tcp"]
sequence = ["7000", "9000", "8000"]
close_sequence = ["8000", "9000", "7000"]
open_for = "10m"

[door.one]
opens = ["8082/tcp"]
users = ["alice", "bob"]
open_for = "10m"
uses = "${uses}"
`;

describe("two who hold one port", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    for (const port of [8080, 8081, 8082]) await startEcho(lab, "server", port);
  });
  afterAll(() => lab?.[Symbol.dispose]());

  beforeEach(async () => {
    server = new GuardedServer(lab, doors(), { users: ["alice/phone", "alice/laptop", "bob"] });
    await server.start();
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
  });

  async function knock(who: string, door: string): Promise<void> {
    const from = server.log.length;
    const ports = portsOf(server.link(who, door));
    sendKnocks(
      lab,
      "client",
      ports.map((port) => ({ to: SERVER, port })),
    );
    await server.waitForLog(new RegExp(`(Opened|Renewed) ${door} `), from);
  }

  async function fixed(ports: readonly number[], heard: RegExp): Promise<void> {
    const from = server.log.length;
    sendKnocks(
      lab,
      "client",
      ports.map((port) => ({ to: SERVER, port })),
    );
    await server.waitForLog(heard, from);
  }

  async function grants(): Promise<string[]> {
    const answer = (await (await server.control("/v1/grants")).json()) as { grants: Grant[] };
    return answer.grants.map(({ door, via, user, device }) => {
      return `${door} ${user === undefined ? via : `${user}/${device}`}`;
    });
  }

  const answer = (port: number) => probe(lab, "client", SERVER, port);

  test("a close knock, or a hand, at one door leaves the other's grant of the same port", async () => {
    await knock("alice/phone", "long");
    await fixed([7_000, 9_000, 8_000], /Opened short/);
    using session = await Session.open(lab, "client", SERVER, 8080);
    await fixed([8_000, 9_000, 7_000], /Closed short/);
    expect([answer(8080), answer(8081), await grants()]).toEqual([
      "open",
      "refused",
      ["long alice/phone"],
    ]);
    await fixed([7_000, 9_000, 8_000], /Opened short/);
    const closed = server.command("close", "short", CLIENT);
    expect(closed.out).toMatch(
      /^short is closed to 10\.77\.0\.2\n8080\/tcp stays open to 10\.77\.0\.2 by another grant: long, alice\/phone \(sallyport close [0-9a-f]{10}\)\n$/,
    );
    expect([answer(8080), answer(8081), await session.echo()]).toEqual([
      "open",
      "refused",
      "echoed",
    ]);
  });

  test("grants names both devices behind one address, and each goes by itself, after a restart too", async () => {
    await knock("alice/phone", "long");
    await knock("alice/laptop", "long");
    expect((await grants()).sort()).toEqual(["long alice/laptop", "long alice/phone"]);
    const opened = server.command("grants", "--json").out;
    await server.stop("SIGKILL");
    await server.start();
    const times = (json: string) =>
      (JSON.parse(json) as Grant[]).map(({ id, openedMs }) => `${id} ${openedMs}`).sort();
    expect(times(server.command("grants", "--json").out)).toEqual(times(opened));
    const removed = server.command("user", "remove", "alice/phone", "--yes");
    expect(removed.code).toBe(0);
    expect(removed.err).toContain("long is closed to 10.77.0.2 for alice/phone\n");
    expect([answer(8080), await grants()]).toEqual(["open", ["long alice/laptop"]]);
    server.command("close", "alice");
    expect([answer(8080), await grants()]).toEqual(["refused", []]);
  });

  test("a grant for one connection that is spent is ended everywhere, and comes back by no reload", async () => {
    server.writeConfig(doors("one"));
    expect(server.command("reload", "--yes").code).toBe(0);
    await knock("alice/phone", "one");
    const from = server.log.length;
    using session = await Session.open(lab, "client", SERVER, 8082);
    expect(await grants()).toEqual([]);
    await server.waitForLog(/Closed one to 10\.77\.0\.2: its one connection was let in/, from);
    expect(server.command("why", CLIENT).out).not.toContain("one is open");
    server.writeConfig(doors("many"));
    expect(server.command("reload", "--yes").code).toBe(0);
    lab.run("server", ["nft", "add", "chain", "inet", "sallyport", "strange"]);
    await server.waitForLog(/Repaired the guard/, from);
    expect([answer(8082), await session.echo(), await grants()]).toEqual(["refused", "echoed", []]);
  });

  test("the second of two devices behind one address has its connection when the first had one", async () => {
    server.writeConfig(doors("one"));
    expect(server.command("reload", "--yes").code).toBe(0);
    await knock("alice/phone", "one");
    await knock("bob", "one");
    const from = server.log.length;
    expect(answer(8082)).toBe("open");
    await server.waitForLog(/Closed one /, from);
    expect(await grants()).toEqual(["one bob/default"]);
    expect([answer(8082), answer(8082)]).toEqual(["open", "refused"]);
  });
});
