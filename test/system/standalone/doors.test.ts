/** Each client of one file opens a real door of the compiled executable, and uses a slot once. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tapWire } from "../../support/capture.ts";
import { GuardedServer } from "../../support/guarded-server.ts";
import { portsOf } from "../../support/knocks.ts";
import { Lab } from "../../support/lab.ts";
import { probe, startEcho } from "../../support/service.ts";
import { FILES, KNOCKERS, knockWords, testIf } from "./knockers.ts";

setDefaultTimeout(60_000);

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["*"]
open_for = "1m"

[door.net]
opens = ["8080/tcp"]
users = ["*"]
open_for = "1m"
proto = "udp"
`;

/** A device for each test, so that none must wait for a slot that another used. */
const DEVICES = ["v4", "v6", "udp", "pair", "wire", "local"] as const;

const ascending = (a: number, b: number) => a - b;

/** A user for each client. */
const userOf = (name: string) => `k${KNOCKERS.findIndex((one) => one.name === name)}`;

describe("a door of the compiled executable", () => {
  let lab: Lab;
  let server: GuardedServer;
  let home = "";

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "sallyport-knock-"));
    lab = new Lab();
    lab.addAddress("server", "eth0", "fe80::77:1/64");
    lab.addAddress("client", "eth0", "fe80::77:2/64");
    await startEcho(lab, "server", 8080);
    const users = KNOCKERS.map(({ name }) => userOf(name));
    server = await new GuardedServer(lab, DOORS, {
      users: users.flatMap((user) => DEVICES.map((device) => `${user}/${device}`)),
    }).start();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
    rmSync(home, { recursive: true, force: true });
  });

  describe.each(KNOCKERS.map((one) => [one.name, one] as const))("%s", (name, knocker) => {
    const words = (...argv: string[]) =>
      knockWords(knocker, join(home, userOf(name)), "--timeout", "20s", ...argv);
    const link = (device: (typeof DEVICES)[number], door = "web", host?: string) =>
      server.link(`${userOf(name)}/${device}`, door, host);

    /** The addresses that the door opened to. */
    async function opened(from: number, door = "web"): Promise<string> {
      const [, address = ""] = await server.waitForLog(
        new RegExp(`Opened ${door} .*?to (\\S+)`),
        from,
      );
      return address.replace(/[^0-9a-f]*$/, "");
    }

    async function close(door: string, address: string): Promise<void> {
      const from = server.log.length;
      expect(server.command("close", door, address)).toMatchObject({ code: 0 });
      await server.waitForLog(new RegExp(`Closed ${door}`), from);
    }

    test("opens over IPv4, from a stored link", async () => {
      const from = server.log.length;
      expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("refused");
      lab.run("client", words("--save", "home"), { input: link("v4") });
      const { code, out, err } = lab.run("client", words("home"), { mayFail: true });
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(/^web on 10\.77\.0\.1: 8080\/tcp open after \d+ ms\n$/);
      expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
      expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("refused");
      await close("web", await opened(from));
      expect(server.log.slice(from).match(/(?<=Z \w+ )\w+/g)).toEqual(["Opened", "Closed"]);
    });

    test("opens over IPv6, from a link on standard input, and tells programs", async () => {
      const from = server.log.length;
      const { code, out, err } = lab.run("client", words("-", "--json"), {
        mayFail: true,
        input: link("v6", "web", "fd77::1"),
      });
      expect([code, err]).toEqual([0, ""]);
      expect(JSON.parse(out)).toMatchObject({
        host: "fd77::1",
        door: "web",
        state: "open",
        address: "fd77::1",
        port: 8080,
        before: "refused",
        attempts: 1,
      });
      await close("web", await opened(from));
    });

    testIf(knocker.sendsUdp)("opens a door that hears UDP", async () => {
      const from = server.log.length;
      const { code, out } = lab.run("client", words("-"), {
        mayFail: true,
        input: link("udp", "net"),
      });
      expect(out).toMatch(/8080\/tcp open after \d+ ms/);
      expect(code).toBe(0);
      await close("net", await opened(from, "net"));
    });

    // Facts that do not depend on the way to send are tested once for each file.
    const once = testIf(FILES.includes(knocker));

    once("opens over a link-local address", async () => {
      const from = server.log.length;
      const { code, out } = lab.run("client", words("-"), {
        mayFail: true,
        input: link("local", "web", "fe80::77:1%eth0"),
      });
      expect(out).toMatch(/^web on fe80::77:1%eth0: 8080\/tcp open after \d+ ms\n$/);
      expect(code).toBe(0);
      await close("web", await opened(from));
    });

    once("takes two slots for two knocks at once", async () => {
      lab.run("client", words("--save", "pair"), { input: link("pair") });
      const from = server.log.length;
      const both = [1, 2].map(() => lab.start("client", words("pair", "--no-wait")));
      const ends = await Promise.all(
        both.map(async (one) => [await one.exited, await new Response(one.stdout).text()]),
      );
      const sent = "web on 10.77.0.1: knock sent, without waiting for an answer\n";
      expect(ends).toEqual([
        [0, sent],
        [0, sent],
      ]);
      await close("web", await opened(from));
      expect(server.log.slice(from)).not.toMatch(/Refused|again/);
    });

    test("sends each port of the slot twice, and nothing else", async () => {
      const tap = await tapWire(lab, "server", "tcp[tcpflags] & tcp-syn != 0 and src 10.77.0.2");
      const text = link("wire");
      const ports = [portsOf(text), portsOf(text, 1)];
      const from = server.log.length;
      lab.run("client", words("-", "--no-wait"), { input: text });
      await close("web", await opened(from));
      const came = (await tap.packets()).map(({ port }) => port).toSorted(ascending);
      const expected = ports.map((one) => [...one, ...one].toSorted(ascending));
      expect(expected).toContainEqual(came);
    });
  });
});
