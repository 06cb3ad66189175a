/** Obstacles to a start are reported in one sentence, with an exit code, and nothing is changed. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
`;

describe("serve", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(() => {
    lab = new Lab();
    server = new GuardedServer(lab, DOORS, { users: ["alice"] });
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  afterEach(() => {
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
  });

  function serve(...before: string[]) {
    return lab.run("server", [...before, EXECUTABLE, "serve", "--config", server.config], {
      mayFail: true,
    });
  }

  function expectUnguarded(): void {
    expect(lab.run("server", ["nft", "list", "tables"]).out).not.toContain("sallyport");
  }

  /** One sentence: one line that begins with the program's name. */
  function sentenceOf({ err }: { err: string }): string {
    const lines = err.split("\n").filter((line) => line.startsWith("sallyport: "));
    expect(lines).toHaveLength(1);
    expect(err).not.toMatch(/\n\s+at /);
    return lines[0]!;
  }

  test("without the two capabilities says which, and exits 77", () => {
    const done = serve(
      "setpriv",
      "--bounding-set",
      "-net_admin",
      "--inh-caps",
      "-net_admin",
      "--no-new-privs",
    );
    expect(done.code).toBe(77);
    expect(sentenceOf(done)).toContain("lacks CAP_NET_ADMIN");
    expectUnguarded();
  });

  test("without libpcap names the package", () => {
    // An empty file in the library's place, seen by this process alone.
    const hide = `mount --bind /dev/null "$(ldconfig -p | grep -o '/[^ ]*libpcap.so.0.8' | head -1)" && exec "$@"`;
    const done = serve("unshare", "--mount", "sh", "-c", hide, "sh");
    expect(done.code).toBe(1);
    expect(sentenceOf(done)).toMatch(/libpcap.*install/);
    expectUnguarded();
  });

  test("on an interface that does not exist names those that do", async () => {
    await using other = new GuardedServer(lab, DOORS, { users: ["alice"], interfaces: ["eth7"] });
    const done = lab.run("server", [EXECUTABLE, "serve", "--config", other.config], {
      mayFail: true,
    });
    expect(done.code).toBe(1);
    expect(sentenceOf(done)).toMatch(/eth7.*eth0/);
    expectUnguarded();
  });

  test("beside a running one says so, and the running one goes on", async () => {
    await server.start();
    const done = serve();
    expect(done.code).toBe(1);
    expect(sentenceOf(done)).toContain(
      `another sallyport guards this machine already (process ${server.pid})`,
    );
    expect((await server.control("/readyz")).status).toBe(200);
    await server.stop();
  });

  test("is told of by firewall load, which says without root in one sentence that it may not", async () => {
    await using running = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
    const load = running.argv("firewall", "load");
    expect(lab.run("server", load).out).toBe(
      `Guarding 8080/tcp beside the running daemon (process ${running.pid}): where its own guard differs, the daemon restores that\n`,
    );
    lab.run("server", ["chmod", "755", running.dir]);
    const asNobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"];
    const refused = lab.run("server", [...asNobody, ...load], { mayFail: true });
    expect(refused).toEqual({
      code: 77,
      out: "",
      err: "sallyport: Cannot load the guard: only root may ask the kernel for its rules: run it with sudo\n",
    });
  });

  test("runs as an unprivileged user who has CAP_NET_RAW and CAP_NET_ADMIN and nothing else", async () => {
    const own = new GuardedServer(lab, DOORS, {
      as: [
        ...["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"],
        ...["--inh-caps", "-all,+net_raw,+net_admin", "--ambient-caps", "-all,+net_raw,+net_admin"],
        ...["--bounding-set", "-all,+net_raw,+net_admin", "--no-new-privs"],
      ],
    });
    mkdirSync(join(own.dir, "run"));
    mkdirSync(join(own.dir, "state"), { mode: 0o700 });
    lab.run("server", ["sh", "-c", `cd "${own.dir}" && chown nobody run state && chmod 755 .`]);
    const asNobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"];
    lab.run("server", [
      ...asNobody,
      EXECUTABLE,
      "user",
      "add",
      "alice",
      "--config",
      own.config,
      "--host",
      "10.77.0.1",
    ]);
    await using running = await own.start();
    expect(
      lab.run("server", ["sh", "-c", `grep -E "^(Uid|CapEff):" /proc/${running.pid}/status`]).out,
    ).toMatch(/Uid:\s+65534[^]*CapEff:\s+0000000000003000/);
    const link = running.link("alice", "web");
    expect(running.knock("client", link, "--no-wait")).toMatchObject({ code: 0 });
    await running.waitForLog(/Opened web/);
  });
});
