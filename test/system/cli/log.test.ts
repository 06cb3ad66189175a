/** `sallyport log` as people run it: on a terminal, in a pipe, with a log and without one. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseMoment } from "../../../src/cli/log.ts";
import { AuditLog } from "../../../src/store/audit.ts";
import type { AuditRecord } from "../../../src/store/audit-record.ts";
import { grantOf, opened } from "../../support/store.ts";
import { runCli } from "../../support/with-daemon.ts";
import { linesOf } from "../../support/lines.ts";
import { spawn, spawnSync } from "../../support/programs.ts";

const MAIN = resolve(import.meta.dir, "../../../src/main.ts");
/** Root reads every file, whatever its mode; any other user is held to it as it is. */
const NOBODY =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let folder = "";
let config = "";
let nowMs = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-log-"));
  config = join(folder, "config.toml");
  mkdirSync(join(folder, "state"), { mode: 0o700 });
  writeFileSync(
    config,
    `[server]\nstate_dir = "${folder}/state"\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`,
  );
  nowMs = Date.now();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(...records: readonly AuditRecord[]): void {
  const log = new AuditLog(join(folder, "state"), {
    nowMs,
    report: ({ message }) => {
      throw new Error(message);
    },
  });
  for (const record of records) log.add(record);
  log.close();
}

function story(): AuditRecord[] {
  return [
    { type: "daemon.started", atMs: nowMs - 3 * DAY_MS, version: "1.2.3" },
    { ...opened(nowMs - 2 * DAY_MS), renewed: false },
    {
      type: "grant.closed",
      atMs: nowMs - 5 * MINUTE_MS,
      grant: grantOf("2001:db8::/64", { user: "bob", device: "phone", door: "web" }),
      reason: "expired",
    },
    {
      type: "knock.reused",
      atMs: nowMs - 4 * MINUTE_MS,
      door: "ssh",
      user: "alice",
      device: "laptop",
      address: "198.51.100.9",
      firstAddress: "203.0.113.7",
      firstMs: nowMs - 4 * MINUTE_MS - 1_000,
    },
    { type: "log.left-out", atMs: nowMs, sinceMs: nowMs - 1_000, count: 3 },
  ] as AuditRecord[];
}

const log = (...argv: readonly string[]) => runCli(["log", "--config", config, ...argv]);

async function typesOf(...argv: readonly string[]): Promise<string[]> {
  const { code, out, err } = await log(...argv);
  expect([code, err]).toEqual([0, ""]);
  return out
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t")[1]!);
}

/** Runs it on a terminal; `sees` waits until a text is there. */
function onTerminal(...argv: readonly string[]) {
  const { NO_COLOR: _, ...environment } = process.env;
  let screen = "";
  let awake = () => {};
  const decoder = new TextDecoder();
  const child = spawn([process.execPath, MAIN, "log", "--config", config, ...argv], {
    env: { ...environment, TZ: "UTC", TERM: "xterm-256color" },
    terminal: {
      cols: 200,
      rows: 40,
      data: (_terminal, bytes) => {
        screen += decoder.decode(bytes, { stream: true });
        awake();
      },
    },
  });
  const shown = () => Bun.stripANSI(screen.replaceAll("\r\n", "\n"));
  const sees = async (text: string) => {
    while (!shown().includes(text)) await new Promise<void>((done) => (awake = done));
  };
  return { child, shown, sees };
}

async function show(...argv: readonly string[]): Promise<string> {
  const { child, shown } = onTerminal(...argv);
  await child.exited;
  child.terminal?.close();
  return shown();
}

describe("sallyport log", () => {
  test("prints one event a line into a pipe, the newest last, each with its sentence", async () => {
    write(...story());
    const { code, out, err } = await log();
    expect([code, err]).toEqual([0, ""]);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t"));
    const time = (atMs: number) => new Date(atMs).toISOString();
    expect(lines).toEqual([
      [time(nowMs - 3 * DAY_MS), "daemon.started", "", "", "", "Started sallyport 1.2.3"],
      [
        time(nowMs - 2 * DAY_MS),
        "grant.opened",
        "ssh",
        "alice/laptop",
        "203.0.113.7",
        expect.stringMatching(/^Opened ssh \(22\/tcp\) to 203\.0\.113\.7 for /),
      ],
      [
        time(nowMs - 5 * MINUTE_MS),
        "grant.closed",
        "web",
        "bob/phone",
        "2001:db8::/64",
        "Closed web to 2001:db8::/64: its time is over",
      ],
      [
        time(nowMs - 4 * MINUTE_MS),
        "knock.reused",
        "ssh",
        "alice/laptop",
        "198.51.100.9",
        expect.stringContaining("from 203.0.113.7"),
      ],
      [time(nowMs), "log.left-out", "", "", "", expect.stringMatching(/^Left out 3 events since /)],
    ]);
  });

  test("finds by time, user, device, door, address and type, and shows the newest of a limit", async () => {
    write(...story());
    expect(await typesOf("--since", "1h")).toEqual([
      "grant.closed",
      "knock.reused",
      "log.left-out",
    ]);
    expect(await typesOf("--since", "4d", "--until", "1d")).toEqual([
      "daemon.started",
      "grant.opened",
    ]);
    expect(await typesOf("--user", "alice")).toEqual(["grant.opened", "knock.reused"]);
    expect(await typesOf("--user", "bob/phone", "--door", "web")).toEqual(["grant.closed"]);
    expect(await typesOf("--address", "203.0.113.7")).toEqual(["grant.opened", "knock.reused"]);
    expect(await typesOf("--address", "2001:DB8:0:0:1::5")).toEqual(["grant.closed"]);
    expect(await typesOf("--type", "grant", "--limit", "1")).toEqual(["grant.closed"]);
    const iso = new Date(nowMs - 4.5 * MINUTE_MS).toISOString();
    expect(await typesOf("--since", iso)).toEqual(["knock.reused", "log.left-out"]);
  }, 30_000);

  test("--json prints one object a line, with the record as it was written", async () => {
    write(...story());
    const { out } = await log("--json", "--type", "knock");
    const lines = out.trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toEqual({
      id: 4,
      atMs: nowMs - 4 * MINUTE_MS,
      type: "knock.reused",
      door: "ssh",
      user: "alice",
      device: "laptop",
      address: "198.51.100.9",
      detail: story()[3] as object,
      sentence: expect.any(String),
    });
    expect(await log("--json", "--user", "nobody")).toEqual({ code: 0, out: "", err: "" });
  });

  test("aligns under titles on a terminal and shows a screenful", async () => {
    const many = Array.from({ length: 150 }, (_, i) => opened(nowMs - 1_000 + i) as AuditRecord);
    write(...many, ...story().slice(4));
    const lines = (await show()).trimEnd().split("\n");
    expect(lines[0]).toMatch(/^TIME +EVENT +DOOR +WHO +ADDRESS +WHAT$/);
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}log\.left-out /);
    expect((await show("--limit", "120")).trimEnd().split("\n")).toHaveLength(121);
  }, 30_000);

  test("lets nothing in the log steer a terminal", async () => {
    const message = "Cannot\u001B[2J read\u009B2J: \u202Etxt";
    write({ type: "fault", atMs: nowMs, part: "capture", message });
    const plain = (await log()).out;
    const json = (await log("--json")).out;
    for (const out of [plain, json]) {
      expect([out.includes("\u001B"), out.includes("\u009B")]).toEqual([false, false]);
    }
    expect(JSON.parse(json).detail.message).toBe(message);
  });

  test("prints all of a long log, and ends at once and quietly when its reader goes away", async () => {
    const records = Array.from({ length: 2_000 }, (_, i) => opened(nowMs + i) as AuditRecord);
    for (let i = 0; i < 10; i++) write(...records);
    expect((await log()).out.trimEnd().split("\n")).toHaveLength(20_000);

    const argv = [process.execPath, MAIN, "log", "--config", config];
    const child = spawn(argv, { stdout: "pipe", stderr: "pipe" });
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    expect([await child.exited, await child.stderr.text()]).toEqual([0, ""]);
  }, 30_000);
});

describe("sallyport log, where the configuration does not help", () => {
  test("shows the log beside a config.toml that is broken, and says what is wrong with it", async () => {
    write(...story());
    const whole = readFileSync(config, "utf8");
    for (const broken of [`${whole}opens = \n`, `${whole}colour = "red"\n`]) {
      writeFileSync(config, broken);
      const { code, out, err } = await log();
      expect([code, out.trimEnd().split("\n").length]).toEqual([0, 5]);
      expect(err).toMatch(/config\.toml:\d+/);
      expect(err).toEndWith(`Showing the log in ${folder}/state\n`);
    }
  });

  test("refuses a broken config.toml that leads to no log", async () => {
    writeFileSync(config, "[server\n");
    const { code, out, err } = await log();
    expect([code, out]).toEqual([78, ""]);
    expect(err).not.toContain("Showing");
  });

  test("prints what has several lines in one, and in JSON as it is", async () => {
    const message = "Cannot load config.toml:\n  config.toml:3: is bad\nconfig.toml:4: is worse";
    write({ type: "config.refused", atMs: nowMs, message });
    expect((await log()).out.split("\t").at(-1)).toBe(
      "Cannot load config.toml: config.toml:3: is bad; config.toml:4: is worse\n",
    );
    expect(await show()).not.toContain("\uFFFD");
    expect(JSON.parse((await log("--json")).out).sentence).toBe(message);
  });

  test("says by what the daemon was stopped and what it left, also of records that name no reason", async () => {
    const stopped = (reason: string, guard?: "stays" | "removed") =>
      ({ type: "daemon.stopped", atMs: nowMs, reason, ...(guard && { guard }) }) as AuditRecord;
    write(stopped("obey"), stopped("SIGTERM", "stays"), stopped("it broke", "removed"));
    const { out } = await log();
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => line.split("\t").at(-1)!),
    ).toEqual([
      "Stopped",
      "Stopped by SIGTERM: the guard stays",
      "Stopped: it broke: nothing is guarded any more",
    ]);
  });
});

describe("sallyport log -f", () => {
  /** Follows into a pipe; `line()` waits for the next one. */
  function follow(...argv: readonly string[]) {
    const command = [process.execPath, MAIN, "log", "-f", "--config", config, ...argv];
    const child = spawn(command, { stdout: "pipe", stderr: "pipe" });
    const lines = linesOf(child.stdout);
    const line = async () => ((await lines.next()).value as string).split("\t").at(-1);
    return { child, line };
  }

  const fault = (message: string, part = "capture"): AuditRecord =>
    ({ type: "fault", atMs: Date.now(), part, message }) as AuditRecord;

  /** Like the daemon, which has the file open all the time. */
  function writer() {
    const file = new AuditLog(join(folder, "state"), { nowMs, report: () => {} });
    return {
      add: (message: string) => {
        file.add(fault(message));
        expect(file.flush()).toBe(true);
      },
      close: () => file.close(),
    };
  }

  test("begins with ten entries, goes on with what comes, and ends quietly at an interrupt", async () => {
    write(...Array.from({ length: 12 }, (_, i) => fault(`old ${i}`)));
    const { child, line } = follow();
    for (let i = 2; i < 12; i++) expect(await line()).toContain(`old ${i}`);
    const daemon = writer();
    daemon.add("new 1");
    expect(await line()).toContain("new 1");
    daemon.add("new 2");
    expect(await line()).toContain("new 2");
    daemon.close();
    child.kill("SIGINT");
    await child.exited;
    expect([child.signalCode, await child.stderr.text()]).toEqual(["SIGINT", ""]);
  }, 30_000);

  test("shows what its filters let through", async () => {
    write(fault("old"), ...story());
    const { child, line } = follow("--type", "fault", "--limit", "1", "--json");
    expect(await line()).toContain("old");
    write(...story(), fault("new"));
    expect(await line()).toContain("new");
    child.kill();
    await child.exited;
  }, 30_000);

  test("goes on across a restart, a file that is put aside, and one that is deleted", async () => {
    write(fault("old"));
    const { child, line } = follow();
    expect(await line()).toContain("old");
    let daemon = writer();
    daemon.add("before the restart");
    expect(await line()).toContain("before the restart");
    daemon.close();
    daemon = writer();
    daemon.add("after the restart");
    expect(await line()).toContain("after the restart");
    daemon.close();

    const path = join(folder, "state/audit.db");
    for (const suffix of ["", "-wal", "-shm"]) {
      if (existsSync(path + suffix)) renameSync(path + suffix, `${path}.bad${suffix}`);
    }
    daemon = writer();
    daemon.add("in a new file");
    expect(await line()).toContain("in a new file");

    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    expect(await linesOf(child.stderr).next()).toMatchObject({
      value: `sallyport: Cannot show the log: there is no ${path} yet: sallyport serve makes it; --config names the configuration it runs with: waiting for it`,
    });
    daemon.add("in another new file");
    expect(await line()).toContain("in another new file");
    daemon.close();
    child.kill();
    await child.exited;
  }, 30_000);

  test("ends quietly when its reader goes away, though nothing comes", async () => {
    write(fault("old"));
    const command = [process.execPath, MAIN, "log", "-f", "--config", config].join(" ");
    const done = spawn(["bash", "-c", `set -o pipefail; ${command} | head -n 1`], {
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await done.exited).toBe(0);
    expect(await done.stdout.text()).toContain("old");
    expect(await done.stderr.text()).toBe("");
  }, 30_000);

  test("rests while nothing happens", async () => {
    write(fault("old"));
    const { child, line } = follow();
    await line();
    const before = ticksOf(child.pid);
    await Bun.sleep(3_000);
    // A hundredth of a second each: a loop would take all of them.
    expect(ticksOf(child.pid) - before).toBeLessThan(30);
    child.kill();
    await child.exited;
  }, 30_000);

  test("refuses --until", async () => {
    write(...story());
    const { code, err } = await log("-f", "--until", "1h");
    expect([code, err]).toEqual([
      64,
      "sallyport: Cannot show the log: --until contradicts --follow: leave one of them out\n",
    ]);
  });

  test("aligns under titles on a terminal that stand there once", async () => {
    write(fault("old"));
    const { child, shown, sees } = onTerminal("-f");
    await sees("old");
    const daemon = writer();
    daemon.add("new");
    await sees("new");
    daemon.close();
    child.kill("SIGINT");
    await child.exited;
    const lines = shown().trimEnd().split("\n");
    expect(lines.length).toBe(3);
    expect(lines[0]).toStartWith("TIME");
    expect(lines[2]!.indexOf("fault")).toBe(lines[0]!.indexOf("EVENT"));
  }, 30_000);
});

/**
 * The working time of a process: utime and stime of proc_pid_stat(5), in hundredths of a second.
 */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

describe("sallyport log says", () => {
  test("that there is no log yet", async () => {
    expect(await log()).toEqual({
      code: 1,
      out: "",
      err: `sallyport: Cannot show the log: there is no ${folder}/state/audit.db yet: sallyport serve makes it; --config names the configuration it runs with\n`,
    });
  });

  test("that a file is in the place of its folder", async () => {
    rmSync(join(folder, "state"), { recursive: true, force: true });
    writeFileSync(join(folder, "state"), "");
    expect(await log()).toEqual({
      code: 1,
      out: "",
      err: `sallyport: Cannot show the log: ${folder}/state/audit.db: ${folder}/state is no folder: move it away, or name another folder\n`,
    });
  });

  test("that this user may not read it", async () => {
    write(...story());
    for (const path of [folder, config]) chmodSync(path, 0o755);
    chmodSync(join(folder, "state/audit.db"), 0o000);
    const done = spawnSync([...NOBODY, process.execPath, MAIN, "log", "--config", config], {
      cwd: "/",
      env: { ...process.env, HOME: folder },
    });
    expect(done.stderr.toString()).toBe(
      `sallyport: Cannot show the log: this user may not read ${folder}/state/audit.db: run as root or as the user that owns it\n`,
    );
    expect(done.exitCode).toBe(77);
  });

  test("that the file is damaged", async () => {
    writeFileSync(join(folder, "state/audit.db"), "garbage".repeat(1_000));
    const { code, err } = await log();
    expect([code, err]).toEqual([
      1,
      `sallyport: Cannot show the log: ${folder}/state/audit.db is damaged: sallyport serve puts it aside and begins a new one as soon as it writes\n`,
    ]);
  });

  test("that nothing was found, and which types there are when it knows no such type", async () => {
    write(...story());
    expect((await log("--user", "nobody")).err).toBe("No entry of the log matches\n");
    expect((await log("--type", "grants")).err).toBe(
      'Nothing in the log is of type "grants": it has daemon.started, grant.closed, grant.opened, knock.reused, log.left-out\n',
    );
    expect((await log("--type", "grant", "--user", "nobody")).err).toBe(
      "No entry of the log matches\n",
    );
  });

  test.each([
    [
      "--since",
      "yesterday",
      /^sallyport: Cannot show the log: --since is "yesterday": write how long ago/,
    ],
    ["--until", "2026-13-01", /--until is "2026-13-01": write/],
    ["--address", "gate.example", /--address is "gate\.example": write one such as 203\.0\.113\.7/],
    ["--limit", "0", /--limit is "0": write a number/],
  ])("what is wrong with %s %s, and exits with 64", async (option, value, message) => {
    const { code, err } = await log(option, value);
    expect(err).toMatch(message);
    expect(code).toBe(64);
  });
});

describe("parseMoment()", () => {
  const NOW = Date.parse("2026-05-01T10:00:00Z");
  test.each([
    ["1d", NOW - DAY_MS],
    ["90s", NOW - 90_000],
    ["2026-05-01T09:00:00Z", NOW - 60 * MINUTE_MS],
    ["2026-05-01T11:00+02:00", NOW - 60 * MINUTE_MS],
    ["2026-05-01", new Date(2026, 4, 1).getTime()],
    ["2026-05-01 09:30", new Date(2026, 4, 1, 9, 30).getTime()],
    ["2026-05-01T09:30:15.250", new Date(2026, 4, 1, 9, 30, 15, 250).getTime()],
  ])("reads %s", (text, atMs) => {
    expect(parseMoment("--since", text, NOW)).toBe(atMs);
  });

  test.each(["", "1", "1y", "May 1", "2026-05", "2026-02-30x", "10:00", "-1d"])(
    "refuses %p",
    (text) => {
      expect(() => parseMoment("--since", text, NOW)).toThrow("Cannot show the log: --since is");
    },
  );
});
