/** The main job: a hidden port that opens to the right knock and to nothing else. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp", "8090-8092/tcp"]
users = ["alice", "bob"]
open_for = "2s"
`;

describe("a rotating knock", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
    await startEcho(lab, "server", 8091);
    server = await new GuardedServer(lab, DOORS, {
      users: ["alice", "alice/phone", "bob", "bob/tablet"],
    }).start();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  test.each(["10.77.0.1", "fd77::1"] as const)(
    "opens every port of the door over %s, and closes in time",
    async (host) => {
      const from = server.log.length;
      expect(probe(lab, "client", host, 8080)).toBe("refused");
      const user = host.includes(":") ? "alice" : "bob";
      const knocked = server.knock("client", server.link(user, "web", host));
      expect(knocked).toMatchObject({ code: 0 });
      expect(probe(lab, "client", host, 8080)).toBe("open");
      expect(probe(lab, "client", host, 8091)).toBe("open");
      expect(probe(lab, "stranger", host, 8080)).toBe("refused");
      await server.waitForLog(/Closed web to .*: its time is over/, from);
      expect(probe(lab, "client", host, 8080)).toBe("refused");
    },
  );

  test("is one line, in the daemon's log and in sallyport log, although it is sent twice", async () => {
    const from = server.log.length;
    expect(server.knock("client", server.link("bob/tablet", "web"))).toMatchObject({ code: 0 });
    await server.waitForLog(/Closed web to .*: its time is over/, from);
    // A knock of another test that had a port missing is told some seconds later.
    const lines = server.log.slice(from).replaceAll(/^.* Nearly, .* ports of alice.*\n/gm, "");
    const told = lines.match(/(?<=Z \w+ )\w+/g);
    expect(told).toEqual(["Opened", "Closed"]);
    const kept = server.command("log", "--user", "bob/tablet", "--json").out.trim().split("\n");
    const types = kept.map((line) => (JSON.parse(line) as { type: string }).type);
    // The closing may not be on the disk yet.
    expect(types.filter((type) => type !== "grant.closed")).toEqual(["grant.opened"]);
  });

  test("leaves ports that no door guards alone", async () => {
    await startEcho(lab, "server", 9999);
    expect(probe(lab, "stranger", "10.77.0.1", 9999)).toBe("open");
  });

  test("opens nothing with one port missing", () => {
    const ports = portsOf(server.link("alice/phone", "web")).slice(1);
    sendKnocks(
      lab,
      "stranger",
      ports.map((port) => ({ to: "10.77.0.1", port })),
    );
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
  });

  test("opens nothing when it is knocked on another machine behind the server", async () => {
    const ports = portsOf(server.link("alice/phone", "web"));
    sendKnocks(
      lab,
      "client",
      ports.map((port) => ({ to: "10.88.0.2", port })),
    );
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("refused");
  });

  test("is used once: the same ports again, from the same or another address, open nothing", async () => {
    const link = server.link("alice/phone", "web");
    const from = server.log.length;
    const knocks = portsOf(link).map((port) => ({ to: "10.77.0.1", port }));
    sendKnocks(lab, "client", knocks);
    await server.waitForLog(/Opened web .* to 10\.77\.0\.2/, from);
    sendKnocks(lab, "stranger", knocks);
    await server.waitForLog(/Refused 10\.77\.0\.3: .*from 10\.77\.0\.2/, from);
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
    await server.waitForLog(/Closed web to 10\.77\.0\.2/, from);
    sendKnocks(lab, "client", knocks);
    sendKnocks(lab, "stranger", knocks);
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("refused");
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
    expect(server.log.slice(from).match(/Refused/g)).toHaveLength(1);
  });
});
