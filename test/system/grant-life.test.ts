/** How grants live and end: idle closing, one connection, a whole /64, several doors, commands. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync, chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { portsOf, sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const USERS = ["ida", "otto", "olga", "nina", "carl", "dora"];

const doors = (dir: string) => `
[door.idle]
opens = ["8081/tcp"]
users = ["ida"]
open_for = "2s"
idle_close = "5s"
max_open = "9s"

[door.one]
opens = ["8082/tcp"]
users = ["otto", "olga"]
uses = "one"
open_for = "30s"

[door.net]
opens = ["8083/tcp"]
users = ["nina"]
prefix6 = 64
open_for = "30s"

[door.run]
users = ["carl"]
open_for = "2s"
run = { open = ["${dir}/command", "open", "{address}", "{user}/{device}", "{door}", "{family}"], close = ["${dir}/command", "close", "{address}"] }

[door.wide]
opens = ["8084/tcp", "9000-9003/tcp"]
users = ["dora"]
open_for = "30s"
`;

describe("a grant", () => {
  let lab: Lab;
  let server: GuardedServer;
  const dir = mkdtempSync(join(tmpdir(), "sallyport-life-"));

  /**
   * Knocks by bare packets and waits for the opening, so that no probe of a client comes between.
   */
  async function open(
    door: string,
    user: string,
    host = "10.77.0.1",
    from?: string,
  ): Promise<number> {
    const position = server.log.length;
    const knocks = portsOf(server.link(user, door)).map((port) => ({
      to: host,
      port,
      ...(from !== undefined && { from }),
    }));
    sendKnocks(lab, "client", knocks);
    await server.waitForLog(new RegExp(`(Opened|Renewed) ${door}`), position);
    return position;
  }

  beforeAll(async () => {
    lab = new Lab();
    for (const port of [8081, 8082, 8083, 8084, 9002]) await startEcho(lab, "server", port);
    // The environment of a command: its arguments, variables, descriptors and capabilities.
    writeFileSync(
      join(dir, "command"),
      `#!/bin/sh\n{ echo "args $*"; env | sort; ls -l /proc/self/fd | wc -l; grep CapEff /proc/self/status; } >> "${dir}/$1.out"\n`,
    );
    chmodSync(join(dir, "command"), 0o755);
    server = await new GuardedServer(lab, doors(dir), { users: USERS }).start();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  test("of an idle door lives on while a session carries traffic, and never beyond max_open", async () => {
    const from = await open("idle", "ida");
    const opened = performance.now();
    const talker = lab.start("client", [
      "python3",
      "-c",
      "import socket,time\ns=socket.create_connection(('10.77.0.1',8081))\nprint('in',flush=True)\nwhile True:\n  s.sendall(b'x'); s.recv(9); time.sleep(0.5)",
    ]);
    await talker.stdout.getReader().read();
    // Beyond open_for: the traffic of the session alone keeps the door open.
    while (performance.now() - opened < 4_000) await Bun.sleep(100);
    expect(probe(lab, "client", "10.77.0.1", 8081)).toBe("open");
    await server.waitForLog(/Closed idle to 10\.77\.0\.2: its time is over/, from, 20_000);
    const lived = performance.now() - opened;
    expect(lived).toBeGreaterThan(6_000);
    expect(lived).toBeLessThan(11_500);
    expect(probe(lab, "client", "10.77.0.1", 8081)).toBe("refused");
    expect(talker.exitCode).toBeNull();
    talker.kill();
  }, 30_000);

  test("for one connection lets the first one in and no second one, and the first one lives", async () => {
    await open("one", "otto");
    const session = lab.start("client", ["nc", "10.77.0.1", "8082"]);
    await session.stdout.getReader().read();
    for (let i = 0; i < 3; i++) expect(probe(lab, "client", "10.77.0.1", 8082)).toBe("refused");
    expect(session.exitCode).toBeNull();
  }, 20_000);

  test("for one connection is not used up by the client that knocks, so that the next command gets in", async () => {
    const { code, err } = server.knock("client", server.link("olga", "one"));
    expect([code, err]).toEqual([
      0,
      "sallyport: the link of one names no TCP port to wait for: sending one knock\n",
    ]);
    const session = lab.start("client", ["nc", "10.77.0.1", "8082"]);
    const { value } = await session.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toContain("hello");
    expect(probe(lab, "client", "10.77.0.1", 8082)).toBe("refused");
    session.kill();
  }, 20_000);

  test("of a door with prefix6 = 64 lets the whole network of an IPv6 knock in", async () => {
    lab.addAddress("client", "eth0", "fd77:0:0:1::5/64");
    lab.addAddress("client", "eth0", "fd77:0:0:1::6/64");
    lab.addAddress("server", "eth0", "fd77:0:0:1::1/64");
    const from = await open("net", "nina", "fd77:0:0:1::1", "fd77:0:0:1::5");
    expect(server.log.slice(from)).toContain("to fd77:0:0:1::/64");
    const inside = lab.run(
      "client",
      ["nc", "-w", "1", "-s", "fd77:0:0:1::6", "fd77:0:0:1::1", "8083"],
      { mayFail: true },
    );
    expect(inside.out).toContain("hello");
    expect(probe(lab, "stranger", "fd77::1", 8083)).toBe("refused");
  }, 20_000);

  test("opens single ports and ranges of a door together", async () => {
    await open("wide", "dora");
    expect(probe(lab, "client", "10.77.0.1", 8084)).toBe("open");
    expect(probe(lab, "client", "10.77.0.1", 9002)).toBe("open");
    expect(probe(lab, "stranger", "10.77.0.1", 9002)).toBe("refused");
  }, 20_000);

  test("runs the commands of its door without a shell, environment, descriptors or capabilities", async () => {
    const from = await open("run", "carl");
    await server.waitForLog(/Ran .*command for run/, from);
    await server.waitForLog(/Closed run to 10\.77\.0\.2[^]*Ran .*command for run/, from);
    const said = readFileSync(join(dir, "open.out"), "utf8");
    expect(said).toContain("args open 10.77.0.2 carl/default run 4\n");
    expect(said).not.toMatch(/^(HOME|USER|SALLYPORT|XDG_)/m);
    // 0, 1, 2 and the listing's own; one line more for the total.
    expect(said).toMatch(/^[45]$/m);
    expect(said).toMatch(/CapEff:\s+0000000000000000/);
    expect(existsSync(join(dir, "close.out"))).toBe(true);
    expect(readFileSync(join(dir, "close.out"), "utf8").match(/args close/g)).toHaveLength(1);
  }, 20_000);
});
