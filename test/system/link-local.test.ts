/**
 * Knocks over a link-local address: a server without another one, as on a fresh LAN or a cable
 * between two machines.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice", "bob"]
open_for = "1h"
[door.legacy]
opens = ["8443/tcp"]
sequence = ["7000", "9000/udp", "8000"]
open_for = "1h"
`;

const SERVER = "fe80::77:1";

describe("a link-local address", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    lab.addAddress("server", "eth0", `${SERVER}/64`);
    lab.addAddress("client", "eth0", "fe80::77:2/64");
    lab.run("client", "ip link add eth1 type veth peer other".split(" "));
    await startEcho(lab, "server", 8080);
    await startEcho(lab, "server", 8443);
    server = await new GuardedServer(lab, DOORS, { users: ["alice", "bob"] }).start();
  }, 30_000);

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  const client = (...argv: string[]) =>
    lab.run("client", ["env", `XDG_CONFIG_HOME=${server.dir}`, EXECUTABLE, ...argv], {
      mayFail: true,
    });

  test("is knocked on by a link with its interface, as RFC 6874 writes it and raw", () => {
    const link = server.link("alice", "web", `${SERVER}%eth0`);
    expect(link).toContain(`@[${SERVER}%25eth0]/web?`);
    const knocked = server.knock("client", link);
    expect(knocked).toMatchObject({ code: 0, err: "" });
    expect(knocked.out).toMatch(/^web on fe80::77:1%eth0: 8080\/tcp open after \d+ ms\n$/);
    expect(probe(lab, "client", `${SERVER}%eth0`, 8080)).toBe("open");
    expect(probe(lab, "stranger", `${SERVER}%eth0`, 8080)).toBe("refused");
    const raw = server.link("bob", "web", `[${SERVER}%eth0]`).replace("%25", "%");
    expect(server.knock("client", raw)).toMatchObject({ code: 0 });
  });

  test("is saved with its interface, and one of no interface is told", () => {
    const save = (name: string, link: string) =>
      lab.run(
        "client",
        ["env", `XDG_CONFIG_HOME=${server.dir}`, EXECUTABLE, "knock", "--save", name],
        { mayFail: true, input: link },
      );
    const link = server.link("alice", "web", `${SERVER}%eth0`);
    const saved = save("home", link.replace("%25", "%"));
    expect(saved).toMatchObject({ code: 0, err: "" });
    expect(saved.out).toStartWith(`Saved web on ${SERVER}%eth0 in `);
    const other = save("other", link.replace("eth0", "eth7"));
    expect(other.code).toBe(0);
    expect(other.err).toBe(
      `sallyport: ${SERVER}%eth7 cannot be knocked on as it is: no interface eth7 of this computer is up with a link-local address: write eth0 in its place\n`,
    );
    const none = save("none", link.replace("%25eth0", ""));
    expect(none.code).toBe(64);
    expect(none.err).toContain(
      "its host is a link-local address, which says nothing without an interface",
    );
  });

  test("is knocked on by a fixed sequence, in brackets or without", () => {
    for (const host of [`${SERVER}%eth0`, `[${SERVER}%25eth0]`]) {
      const knocked = client("knock", host, "7000", "9000/udp", "8000", "--wait", "8443");
      expect(knocked).toMatchObject({ code: 0, err: "" });
    }
    expect(probe(lab, "client", `${SERVER}%eth0`, 8443)).toBe("open");
  });

  test.each([
    [
      SERVER,
      "a link-local address says nothing without the interface that leads there: write fe80::77:1%eth0",
    ],
    [
      `${SERVER}%eth7`,
      "no interface eth7 of this computer is up with a link-local address: write eth0 in its place",
    ],
    // It exists, but is down.
    [
      `${SERVER}%eth1`,
      "no interface eth1 of this computer is up with a link-local address: write eth0 in its place",
    ],
  ])("without its interface is told in one sentence: %s", (host, reason) => {
    const { code, err } = client("knock", host, "7000", "9000/udp", "8000");
    expect({ code, err }).toEqual({
      code: 1,
      err: `sallyport: Cannot knock on ${host}: ${reason}\n`,
    });
  });

  test("without an interface of the client makes no link", () => {
    const { code, err } = server.command("user", "show", "alice", "--host", SERVER);
    expect(code).toBe(64);
    expect(err).toContain(
      `Cannot make a link to ${SERVER}: a link-local address says nothing without an interface`,
    );
  });
});
