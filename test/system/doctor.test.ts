/** `sallyport doctor` of the compiled executable, on a healthy server and on broken ones. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../src/core/finding.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { startEcho } from "../support/service.ts";

const LIMIT_MS = 60_000;

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
`;

interface Report {
  readonly works: boolean;
  readonly findings: readonly Finding[];
}

describe("doctor", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
  }, LIMIT_MS);
  afterAll(() => lab?.[Symbol.dispose]());

  // A state folder for each: after a kill without the table, rotating doors would wait.
  beforeEach(() => {
    server = new GuardedServer(lab, DOORS, { users: ["alice"] });
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    lab.run("server", ["nft", "flush", "ruleset"]);
  });

  function doctor(...argv: string[]) {
    return lab.run("server", [EXECUTABLE, "doctor", "--config", server.config, ...argv], {
      mayFail: true,
    });
  }

  /** "problem other tables: Another table …: accept it …" for each finding that is not ok. */
  function complaints(): { code: number; works: boolean; said: string[] } {
    const { code, out } = doctor("--json");
    const { works, findings } = JSON.parse(out) as Report;
    const said = findings
      .filter(({ level }) => level !== "ok")
      // Findings about this machine, not the lab: nothing steers its clock, and the build may be
      // anywhere.
      .filter(({ check }) => check !== "time" && check !== "executable")
      .map(({ check, level, sentence, remedy }) => `${level} ${check}: ${sentence}: ${remedy}`);
    return { code, works, said };
  }

  /** Without elements of sets, which come and go by themselves. */
  const rulesOf = () => lab.run("server", ["nft", "--terse", "list", "ruleset"]).out;

  test(
    "tells what it sees where few descriptors are free",
    () => {
      const limited = ["prlimit", "--nofile=12:12", ...server.argv("doctor")];
      const { out, err } = lab.run("server", limited, { mayFail: true });
      expect(err).toBe("");
      expect(out).toContain("libraries: Found libpcap");
    },
    LIMIT_MS,
  );

  test(
    "finds nothing wrong with a running daemon, and changes nothing",
    async () => {
      await server.start();
      const before = rulesOf();
      const log = server.log;
      expect(complaints()).toEqual({ code: 0, works: true, said: [] });
      expect(rulesOf()).toBe(before);
      expect(server.log).toBe(log);
      expect(doctor().out).toMatch(/^ok +libraries: Found libpcap/);
    },
    LIMIT_MS,
  );

  test(
    "names the rule of another table that drops a guarded port, before a daemon runs",
    () => {
      const rules =
        "table inet filter {\n chain input {\n type filter hook input priority 0; policy accept;\n" +
        ' ct state established accept\n tcp dport { 80, 8080 } drop comment "old"\n }\n}\n';
      lab.run("server", ["nft", "-f", "-"], { input: rules });
      const { code, works, said } = complaints();
      expect({ code, works }).toEqual({ code: 1, works: false });
      expect(said).toEqual([
        "problem other tables: Another table drops 8080/tcp: table inet filter, chain input, rule 2: " +
          'tcp dport { 80, 8080 } drop comment "old": accept it there, sallyport already guards it',
        expect.stringMatching(/^warning daemon: No daemon runs/),
      ]);
      expect(doctor().out).toMatch(/\n1 problem stops a knock \(\d+ warnings?\)\n$/);
    },
    LIMIT_MS,
  );

  test(
    "knows a guard whose daemon was killed, and a key file that others can read",
    async () => {
      await server.start();
      await server.stop("SIGKILL");
      const keys = join(server.dir, "state", "keys.toml");
      chmodSync(keys, 0o644);
      const { code, said } = complaints();
      chmodSync(keys, 0o600);
      expect(code).toBe(1);
      expect(said).toEqual([
        expect.stringMatching(/^problem keys: .*keys\.toml.*others may read it: run "chmod 600/),
        expect.stringMatching(/^problem daemon: The guard is up and no daemon listens/),
      ]);
    },
    LIMIT_MS,
  );

  test(
    "names the mistake of a broken file, and goes on by what the running daemon works by",
    async () => {
      await server.start();
      server.writeConfig(`${DOORS}\nopne_for = "30s"\n`);
      const rules =
        "table inet filter {\n chain input {\n type filter hook input priority 0; policy accept;\n" +
        " tcp dport 8080 drop\n }\n}\n";
      try {
        const mistake = expect.stringMatching(
          /^warning configuration: .*config\.toml:\d+: .*opne_for[^]*then run "sallyport reload": the running daemon works by the files that worked last, and so do the checks below$/s,
        );
        expect(complaints()).toEqual({ code: 0, works: true, said: [mistake] });
        // A start with it keeps nobody out either.
        await server.stop("SIGKILL");
        await server.start();
        expect(complaints()).toEqual({
          code: 0,
          works: true,
          said: [
            mistake,
            expect.stringMatching(/^warning daemon: The daemon is not ready: .*opne_for/s),
          ],
        });
        lab.run("server", ["nft", "-f", "-"], { input: rules });
        const { code, said } = complaints();
        expect(code).toBe(1);
        expect(said).toContainEqual(expect.stringMatching(/^problem other tables: .*8080\/tcp/));
        await server.stop("SIGKILL");
        const dead = complaints();
        expect(dead.code).toBe(1);
        expect(dead.said).toContainEqual(
          expect.stringMatching(
            /^problem configuration: .*is content; the checks below go by the files that worked last$/s,
          ),
        );
        expect(dead.said).toContainEqual(expect.stringMatching(/^problem daemon: The guard is up/));
      } finally {
        server.writeConfig(DOORS);
      }
    },
    LIMIT_MS,
  );

  test(
    "warns of broken keys only while a daemon opens by those it has read",
    async () => {
      await server.start();
      const keys = join(server.dir, "state", "keys.toml");
      chmodSync(keys, 0o644);
      const { code, said } = complaints();
      chmodSync(keys, 0o600);
      expect({ code, said }).toEqual({
        code: 0,
        said: [
          expect.stringMatching(
            /^warning keys: .*others may read it.*by the keys that worked last$/,
          ),
          expect.stringMatching(/^warning daemon: .*others may read it/),
        ],
      });
    },
    LIMIT_MS,
  );

  test(
    "shows no key, whatever it says",
    () => {
      const secret = /key = "(\w+)"/.exec(
        readFileSync(join(server.dir, "state", "keys.toml"), "utf8"),
      )![1]!;
      for (const { out, err } of [doctor(), doctor("--json"), doctor("--quiet")]) {
        expect(`${out}${err}`).not.toContain(secret);
      }
    },
    LIMIT_MS,
  );

  test(
    "refuses an executable that setcap made an interpreter with rights for everybody",
    () => {
      const copy = join(server.dir, "sallyport");
      copyFileSync(EXECUTABLE, copy);
      chmodSync(copy, 0o755);
      lab.run("server", ["setcap", "cap_net_raw,cap_net_admin+ep", copy]);
      const done = lab.run("server", [copy, "doctor", "--quiet", "--config", server.config], {
        mayFail: true,
      });
      rmSync(copy);
      expect(done.code).toBe(1);
      expect(done.out).toMatch(/problem +executable: .*has file capabilities.*setcap -r/);
    },
    LIMIT_MS,
  );

  test(
    "looks at what a user without rights may see, and says what he may not",
    () => {
      const asNobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"];
      lab.run("server", ["chmod", "755", server.dir]);
      const { code, out, err } = lab.run(
        "server",
        [...asNobody, "--bounding-set", "-all", EXECUTABLE, "doctor", "--config", server.config],
        { mayFail: true },
      );
      expect({ code, err }).toEqual({ code: 0, err: "" });
      for (const check of ["kernel", "keys", "other tables", "bypass", "early programs"]) {
        expect(out).toMatch(new RegExp(`^warning +${check}: Could not see `, "m"));
      }
      expect(out).toMatch(/^ok +interfaces: Knocks can arrive at eth0$/m);
    },
    LIMIT_MS,
  );

  test(
    "names services of this machine where knocks arrive, and a range without them; so does check",
    async () => {
      using busy = new Lab();
      await startEcho(busy, "server", 25_565);
      busy.run("server", ["nft", "-f", "-"], {
        input:
          "table ip nat {\n chain pre { type nat hook prerouting priority -100; policy accept;\n tcp dport 32768 dnat to 10.88.0.2:80\n }\n}\n",
      });
      const look = (command: string) =>
        busy.run("server", [EXECUTABLE, command, "--config", server.config], { mayFail: true }).out;
      for (const out of [look("doctor"), look("check")]) {
        const said = out.split("\n").filter((line) => line.includes("inside the knock range"));
        expect(said).toHaveLength(2);
        expect(said[0]).toContain("listens on 25565/tcp, inside the knock range 20000-52767/tcp");
        expect(said[1]).toContain("Another table publishes 32768/tcp, inside the knock range");
        for (const line of said) {
          expect(line).toContain('write range = "32769-65535" in [knock], which holds none');
        }
      }
    },
    LIMIT_MS,
  );

  test(
    "examines the machine although there is no configuration, and says so",
    () => {
      const { code, out } = lab.run(
        "server",
        [EXECUTABLE, "doctor", "--config", join(server.dir, "none.toml")],
        { mayFail: true },
      );
      expect(code).toBe(1);
      expect(out).toMatch(/^ok +kernel: The kernel has all that is used/m);
      expect(out).toMatch(/^problem +configuration: .*none\.toml.*does not exist/m);
    },
    LIMIT_MS,
  );
});
