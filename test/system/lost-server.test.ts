/** Ways in which an administrator loses a server: each leaves a way in, and says what is wrong. */

import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { probe, startEcho } from "../support/service.ts";

const LIMIT_MS = 90_000;
const SERVER = "10.77.0.1";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]

[door.legacy]
opens = ["8081/tcp"]
sequence = ["7000", "8000", "9000"]
`;

let lab: Lab;
let server: GuardedServer;
let link: string;

beforeAll(async () => {
  lab = new Lab();
  await startEcho(lab, "server", 8080);
}, LIMIT_MS);
afterAll(() => lab?.[Symbol.dispose]());

beforeEach(async () => {
  server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
  link = server.link("alice", "web");
}, LIMIT_MS);
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
});

const inState = (name: string) => join(server.dir, "state", name);

async function restart(): Promise<string> {
  await server.stop("SIGKILL");
  const from = server.log.length;
  await server.start();
  return server.log.slice(from);
}

/** The owner knocks with the link he has. */
function opens(): boolean {
  const knocked = server.knock("client", link, "--timeout", "20s");
  return knocked.code === 0 && probe(lab, "client", SERVER, 8080) === "open";
}

describe("after a start", () => {
  test(
    "behind a keys.toml that was deleted, the keys that worked last open",
    async () => {
      rmSync(inState("keys.toml"));
      expect(await restart()).toContain(`keys.toml: it is gone, and`);
      expect(opens()).toBe(true);
      expect(server.command("user", "add", "bob").err).toContain('run "cp -p ');
      lab.run("server", ["cp", "-p", inState("keys.last.toml"), inState("keys.toml")]);
      expect(server.command("reload")).toMatchObject({ code: 0 });
      expect((await server.control("/readyz")).status).toBe(200);
    },
    LIMIT_MS,
  );

  test(
    "by a changed range, the log says whom it cuts off, and how to go back by itself",
    async () => {
      server.writeConfig(DOORS.replace('users = ["alice"]', '$&\nrange = "30000-50000"'));
      const log = await restart();
      expect(log).toContain("Changed at this start: alice will not be able to open web (8080/tcp)");
      expect(log).toContain("range 20000-52767 becomes 30000-50000");
      expect(log).toContain('run "sallyport arm --for 5m"');
      expect(await restart()).not.toContain("Changed at this start");
      expect(server.command("arm", "--for", "5s").code).toBe(0);
      await server.waitForLog(/Nobody confirmed in time/);
      expect(server.command("status").out).toContain("Nothing is guarded");
      expect(probe(lab, "client", SERVER, 8080)).toBe("open");
    },
    LIMIT_MS,
  );

  test(
    "of an older sallyport, the doors open by what it knows of the later one's configuration",
    async () => {
      const later = `${readFileSync(server.config, "utf8")}from = ["10.0.0.0/8"]\n`;
      for (const file of [server.config, inState("config.last.toml")]) writeFileSync(file, later);
      expect(await restart()).toContain("door.legacy.from is not a key that sallyport knows");
      expect(opens()).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    "of an older sallyport beside files of a later one, the doors open once no used knock can",
    async () => {
      server.writeConfig(`[knock]\nstep = "10s"\nskew = 0\n${DOORS}`);
      expect(server.command("reload", "--yes").code).toBe(0);
      link = server.link("alice", "web");
      await server.stop();
      for (const name of ["uses.db", "owed.db", "audit.db"]) {
        using database = new Database(inState(name), { readwrite: true });
        database.run("PRAGMA user_version = 99");
      }
      const from = server.log.length;
      await server.start();
      for (const name of ["uses", "owed", "audit"]) {
        expect(server.log.slice(from)).toContain(`${name}.db: a later sallyport wrote it`);
      }
      // A slot of ten seconds.
      await server.waitForLog(/The wait is over/, from, 20_000);
      expect(opens()).toBe(true);
      expect(server.command("status").out).toContain("a later sallyport wrote it");
      expect(server.command("log").err).toContain("a later sallyport wrote");
    },
    LIMIT_MS,
  );
});

test(
  "another firewall started after the daemon takes neither guard nor grants, and doctor names what it drops",
  async () => {
    expect(server.command("open", "web", "10.77.0.2", "--for", "5m").code).toBe(0);
    const from = server.log.length;
    // As nftables.service does at its start.
    const rules = `flush ruleset
      table inet filter {
        chain input {
          type filter hook input priority filter; policy drop;
          ct state established,related accept
          iif lo accept
        }
      }`;
    lab.run("server", ["nft", "-f", "-"], { input: rules });
    await server.waitForLog(/Repaired the guard .*1 grant/, from);
    expect(probe(lab, "client", SERVER, 8080)).toBe("silent");
    const told = server.argv("doctor");
    expect(lab.run("server", told, { mayFail: true }).out).toMatch(
      /problem +other tables: .*table inet filter, chain input/,
    );
    expect(server.command("why", "10.77.0.2").out).toContain("table inet filter, chain input");
    lab.run("server", [
      "nft",
      "add",
      "rule",
      "inet",
      "filter",
      "input",
      "tcp",
      "dport",
      "8080",
      "accept",
    ]);
    expect(probe(lab, "client", SERVER, 8080)).toBe("open");
    lab.run("server", ["nft", "delete", "table", "inet", "filter"]);
  },
  LIMIT_MS,
);

test(
  "a state folder that is mounted after the daemon has it begin anew, with the keys and uses in there",
  async () => {
    const [state, disk] = [join(server.dir, "state"), join(server.dir, "disk")];
    const bind = ["mount", "--bind", disk, state];
    await server.stop();
    mkdirSync(disk);
    run(["mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", disk]);
    try {
      run(["cp", "-a", `${state}/.`, disk]);
      for (const name of readdirSync(state)) rmSync(join(state, name));
      let from = server.log.length;
      await server.start();
      expect(server.log.slice(from)).toContain("No user of the door web has a key");

      run(["nsenter", "--target", String(server.pid), "--mount", ...bind]);
      // Has something written down, where the daemon has not noticed by an earlier line.
      server.command("open", "web", "10.77.0.3");
      await server.waitForLog(
        /Another file system with keys or uses of its own was mounted over .*: the guard stays up/,
        from,
      );
      expect(await server.ended()).toBe(1);
      run(bind);
      from = server.log.length;
      await server.start();
      expect(server.log.slice(from)).not.toContain("has a key");
      expect(opens()).toBe(true);
      expect(readdirSync(disk)).not.toContain("clean-stop");
    } finally {
      await server.stop("SIGKILL");
      run(["umount", state], { mayFail: true });
      run(["umount", disk]);
    }
  },
  LIMIT_MS,
);
