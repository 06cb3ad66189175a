/** Holes that a hostile reading found, each of them open once: they stay closed. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";
import { spawn } from "../support/programs.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
open_for = "10m"
`;

/** Connects, says "in", then echoes each line of standard input through the connection. */
const SESSION = `
import socket, sys
s = socket.create_connection(("10.77.0.1", int(sys.argv[1])), timeout=3)
print(s.recv(9).decode().strip(), flush=True)
for line in sys.stdin:
    try:
        s.sendall(b"x"); print("echo" if s.recv(9) else "end", flush=True)
    except OSError as error: print(type(error).__name__, flush=True)
`;

function openSession(lab: Lab, host: "client" | "stranger", port: number) {
  const child = spawn(
    ["ip", "netns", "exec", lab.namespace(host), "python3", "-c", SESSION, String(port)],
    { stdin: "pipe", stdout: "pipe", stderr: "ignore" },
  );
  const chunks = child.stdout[Symbol.asyncIterator]();
  let heard = "";
  /** The next whole line; a chunk may be any part of one. */
  const hear = async () => {
    while (!heard.includes("\n")) {
      const { done, value } = await chunks.next();
      if (done === true) return "ended";
      heard += new TextDecoder().decode(value);
    }
    const [line = "", ...rest] = heard.split("\n");
    heard = rest.join("\n");
    return line.trim();
  };
  return {
    hear,
    ask: async () => {
      void child.stdin.write("?\n");
      await child.stdin.flush();
      return await hear();
    },
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
}

describe("an attacker", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeEach(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
  });

  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  test("whose session was closed by hand does not get it back by a flush, a reload or a restart", async () => {
    server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
    expect(server.command("open", "web", "10.77.0.2")).toMatchObject({ code: 0 });
    using session = openSession(lab, "client", 8080);
    expect(await session.hear()).toBe("hello");
    expect(await session.ask()).toBe("echo");
    expect(server.command("close", "10.77.0.2")).toMatchObject({ code: 0 });
    expect(await session.ask()).not.toBe("echo");
    const from = server.log.length;
    lab.run("server", ["nft", "flush", "ruleset"]);
    await server.waitForLog(/Repaired/, from);
    expect(await session.ask()).not.toBe("echo");
    expect(server.command("reload")).toMatchObject({ code: 0 });
    expect(await session.ask()).not.toBe("echo");
    await server.stop();
    await server.start();
    expect(await session.ask()).not.toBe("echo");
    // Not only unheard: the server's own end is gone.
    expect(
      lab.run("server", ["ss", "-Htn", "state", "established", "sport", "=", ":8080"]).out,
    ).toBe("");
  }, 30_000);

  test("does not have an idle grant back that ended in a pause", async () => {
    server = await new GuardedServer(lab, `${DOORS}idle_close = "5s"\nmax_open = "1h"\n`, {
      users: ["alice"],
    }).start();
    const ports = portsOf(server.link("alice", "web"));
    sendKnocks(
      lab,
      "client",
      ports.map((port) => ({ to: "10.77.0.1", port })),
    );
    await server.waitForLog(/Opened web/);
    using session = openSession(lab, "client", 8080);
    expect(await session.hear()).toBe("hello");
    // The first data cut the ten minutes of open_for to the five seconds of idle_close.
    const began = performance.now();
    while (probe(lab, "client", "10.77.0.1", 8080) === "open") {
      expect(performance.now() - began).toBeLessThan(30_000);
      await Bun.sleep(6_000);
    }
    // Any change by others makes the daemon compare: a grant that ended by itself stays ended.
    lab.run("server", [
      "nft",
      "add element inet sallyport revoked4 { 10.9.9.9 . tcp . 1 timeout 1s }",
    ]);
    await server.waitForLog(/Closed web to 10\.77\.0\.2: its time is over/);
    expect(server.log).not.toContain("Repaired");
    expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("refused");
  }, 60_000);

  test("who has the health port keeps nobody from starting, and it is listened on when he is gone", async () => {
    const squatter = lab.start("server", [
      ...["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c"],
      "import socket;s=socket.create_server(('127.0.0.1',7878));print('up',flush=True);s.accept()",
    ]);
    await squatter.stdout.getReader().read();
    server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
    expect(server.log).toMatch(
      /127\.0\.0\.1:7878: another program listens there: set \[api\]\.listen/,
    );
    const before = await server.control("/readyz");
    expect(before.status).toBe(503);
    expect(await before.json()).toMatchObject({ reasons: [{ code: "listen" }] });
    expect(server.knock("client", server.link("alice", "web"))).toMatchObject({ code: 0 });
    squatter.kill();
    await server.waitForLog(/Listening on http:\/\/127\.0\.0\.1:7878\/ now/);
    expect((await server.control("/readyz")).status).toBe(200);
  }, 30_000);

  test("who deletes an interface that is down ends nothing, and its return is noticed", async () => {
    lab.run("server", ["ip", "link", "add", "extra0", "type", "veth", "peer", "name", "extra1"]);
    lab.run("server", ["ip", "link", "set", "extra0", "up"]);
    server = await new GuardedServer(lab, DOORS, {
      users: ["alice"],
      interfaces: ["eth0", "extra0"],
    }).start();
    lab.run("server", ["ip", "link", "set", "extra0", "down"]);
    lab.run("server", ["ip", "link", "delete", "extra0"]);
    await server.waitForLog(/error .*extra0/);
    expect((await server.control("/readyz")).status).toBe(503);
    expect(server.command("grants")).toMatchObject({ code: 0 });
    lab.run("server", ["ip", "link", "add", "extra0", "type", "veth", "peer", "name", "extra1"]);
    lab.run("server", ["ip", "link", "set", "extra0", "up"]);
    await server.waitForLog(/Listening on eth0, extra0/);
    expect((await server.control("/readyz")).status).toBe(200);
  }, 30_000);

  test("who floods a fixed door turns readiness red for no longer than the door is full, and does not fill the log", async () => {
    server = await new GuardedServer(
      lab,
      `[door.legacy]\nopens = ["8080/tcp"]\nsequence = ["7000", "8000", "9000"]\nopen_for = "8s"\nmax_grants = 2\n`,
    ).start();
    const addresses = Array.from({ length: 8 }, (_, i) => {
      lab.addAddress("stranger", "eth0", `10.77.3.${i + 1}/16`);
      return `10.77.3.${i + 1}`;
    });
    const from = server.log.length;
    const knock = (address: string) =>
      [7000, 8000, 9000].map((port) => ({ to: "10.77.0.1", port, from: address }));
    sendKnocks(lab, "stranger", addresses.flatMap(knock));
    for (let i = 0; i < 10; i++) {
      sendKnocks(lab, "stranger", Array.from({ length: 100 }, () => knock(addresses[0]!)).flat());
    }
    const { grants } = (await (await server.control("/v1/grants")).json()) as { grants: unknown[] };
    expect(grants).toHaveLength(2);
    expect(server.log.slice(from).split("\n").length).toBeLessThan(20);
    // Red while a right knock would not open the door, and no longer.
    await server.waitForLog(/Closed legacy[^]*Closed legacy/, from, 30_000);
    expect((await server.control("/readyz")).status).toBe(200);
  }, 60_000);
});
