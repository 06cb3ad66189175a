/**
 * `sallyport user` as people run it: keys come and go, and are shown only where that is the
 * purpose.
 */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { renderUnicodeCompact } from "uqr";
import { loadKeys } from "../../../src/keys/keys.ts";
import { guessHost } from "../../../src/keys/profile.ts";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { NeedsYes, SallyportError } from "../../../src/core/errors.ts";
import { parseProfileLink } from "../../../src/rks/profile-link.ts";
import { AuditLog } from "../../../src/store/audit.ts";
import { grantOf, opened } from "../../support/store.ts";
import { run, spawn, spawnSync } from "../../support/programs.ts";
import { type Daemon, runCli, startDaemon } from "../../support/with-daemon.ts";

const MAIN = resolve(import.meta.dir, "../../../src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "sallyport-user-"));
const stateDir = join(folder, "state");

beforeEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
  writeFileSync(
    join(folder, "config.toml"),
    `[server]
state_dir = "${stateDir}"
[api]
socket = "${folder}/control.sock"
[knock]
range = "30000-49999"
[door.ssh]
opens = ["22/tcp"]
users = ["alice", "bob"]
[door.wg]
opens = ["51820/udp"]
users = ["alice"]
proto = "udp"
ports = 9
step = "60s"
[door.old]
opens = ["8443/tcp"]
sequence = ["7000", "9000", "8000"]
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In a network of its own, without a daemon that may guard this machine. */
const APART = process.geteuid!() === 0 ? ["unshare", "--net"] : [];

/** Only root can see that no daemon guards a network. */
const NO_DAEMON = "(No sallyport runs here|Nobody listens on \\S+ \\(.*only root can see\\))";

function user(...argv: readonly string[]) {
  const done = spawnSync([...APART, process.execPath, MAIN, "user", ...argv], {
    cwd: folder,
    timeout: 30_000,
  });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

function addAlice() {
  return user("add", "alice", "--device", "laptop", "--host", "gate.example");
}

describe("sallyport user add", () => {
  test("makes a key and prints a link for each door of the user, which a client can read", () => {
    const { code, out } = addAlice();
    expect(code).toBe(0);
    const [device] = loadKeys(stateDir);
    const shared = { user: "alice/laptop", host: "gate.example", key: device!.key };
    expect(out.trim().split("\n").map(parseProfileLink)).toEqual([
      {
        ...shared,
        door: "ssh",
        lo: 30_000,
        hi: 49_999,
        ports: 8,
        stepSeconds: 30,
        proto: "tcp",
        opens: [{ proto: "tcp", from: 22, to: 22 }],
      },
      {
        ...shared,
        door: "wg",
        lo: 30_000,
        hi: 49_999,
        ports: 9,
        stepSeconds: 60,
        proto: "udp",
        opens: [{ proto: "udp", from: 51_820, to: 51_820 }],
      },
    ]);
  });

  test("notes when the key was made, and says what to do next on standard error", () => {
    const before = Date.now();
    const { err } = addAlice();
    expect(loadKeys(stateDir)[0]!.addedMs).toBeWithin(before, Date.now() + 1);
    expect(err).toStartWith("Added alice/laptop\n");
    expect(err).toContain("sallyport knock --save gate-ssh, sallyport knock --save gate-wg, and");
    expect(err).toMatch(
      new RegExp(`\n${NO_DAEMON}: the key opens its doors once one runs \\(sallyport serve\\)\n$`),
    );
  });

  test("gives every device a key of its own, and the default device the user's bare name", () => {
    addAlice();
    const { out } = user("add", "alice", "--host", "192.0.2.1");
    expect(parseProfileLink(out.split("\n")[0]!).user).toBe("alice");
    const keys = loadKeys(stateDir).map(({ key }) => encodeBase32(key));
    expect(new Set(keys).size).toBe(2);
  });

  test("refuses a device that has a key, and keeps it", () => {
    addAlice();
    const before = loadKeys(stateDir);
    expect(addAlice()).toMatchObject({ code: 1, out: "" });
    expect(addAlice().err).toContain("sallyport: Cannot add alice/laptop: it has a key already");
    expect(loadKeys(stateDir)).toEqual(before);
  });

  test("adds a user whom no door names, and says which line to write", () => {
    const { code, out, err } = user("add", "carol", "--host", "gate.example");
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err).toContain('no door names carol: write users = ["carol"]');
    expect(err).toMatch(
      new RegExp(`\n${NO_DAEMON}: the key counts once one runs \\(sallyport serve\\)\n$`),
    );
    expect(loadKeys(stateDir)).toHaveLength(1);
  });

  test.each([
    ["a user in capitals", ["Alice"], 'Cannot name a user "Alice"'],
    ["a device with a slash", ["alice", "--device", "a/b"], 'Cannot name a device "a/b"'],
    ["a host with a path", ["alice", "--host", "a/b"], 'Cannot make a link to "a/b"'],
    ["a host with a port", ["alice", "--host", "gate:22"], 'Cannot make a link to "gate:22"'],
    ["a host that is empty", ["alice", "--host", ""], 'Cannot make a link to ""'],
  ])("refuses %s as a mistake in usage, and keeps no key", (_, argv, says) => {
    const { code, out, err } = user("add", ...argv);
    expect({ code, out }).toEqual({ code: 64, out: "" });
    expect(err).toContain(says);
    expect(loadKeys(stateDir)).toEqual([]);
  });

  test("refuses the device that would make the doors weak enough to be forged", () => {
    const file = join(folder, "config.toml");
    const weak = readFileSync(file, "utf8").replace("[knock]", "[knock]\nports = 5\nslack = 8");
    writeFileSync(file, weak.replaceAll("ports = 9", "ports = 16"));
    const { code, err } = user("add", "alice", "--host", "gate.example");
    expect(code).toBe(78);
    expect(err).toMatch(/^sallyport: Cannot guard the doors: .*: write ports = \d+ in \[knock\]/);
    expect(loadKeys(stateDir)).toEqual([]);
  });

  test("takes alice/laptop for the device, and refuses two devices", () => {
    expect(user("add", "alice/laptop", "--host", "gate.example").code).toBe(0);
    expect(loadKeys(stateDir)).toMatchObject([{ user: "alice", device: "laptop" }]);
    expect(user("show", "alice/laptop", "--host", "gate.example").code).toBe(0);
    expect(user("add", "alice/laptop", "--device", "phone")).toMatchObject({ code: 64, out: "" });
    expect(user("remove", "alice/laptop", "--yes").code).toBe(0);
    expect(loadKeys(stateDir)).toEqual([]);
  });

  test("--if-missing keeps the key of a device that has one, and prints its links again", () => {
    const first = user("add", "alice", "--if-missing", "--host", "gate.example");
    const again = user("add", "alice", "--if-missing", "--host", "gate.example");
    expect(again).toMatchObject({ code: 0, out: first.out });
    expect(again.err).toStartWith("alice has a key already: it is kept\n");
    expect(loadKeys(stateDir)).toHaveLength(1);
  });

  test("takes server.host for the host, and --host before it", () => {
    const file = join(folder, "config.toml");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace("[server]", '[server]\nhost = "gate.lan"'),
    );
    const { out, err } = user("add", "bob");
    expect(parseProfileLink(out.trim()).host).toBe("gate.lan");
    expect(err).not.toContain("a guess");
    expect(err).toContain("sallyport knock --save gate, and paste it");
    expect(parseProfileLink(user("show", "bob", "--host", "::1").out.trim()).host).toBe("::1");
  });

  test("names the options that take what stands as an argument too many, and does not repeat it", () => {
    const { code, err } = user("add", "alice", "laptop-of-alice");
    expect(code).toBe(64);
    expect(err).toStartWith(
      'sallyport: Too many arguments for "user add": it takes <name>, and the rest by its option: --device <name>, --host <host>',
    );
    expect(err).not.toContain("laptop-of-alice");
  });

  test("guesses the host when none is given, and says that it did", () => {
    const { out, err } = user("add", "bob");
    const { host } = parseProfileLink(out.trim());
    expect(err).toContain(`Note: the link names ${host}, a guess`);
  });
});

describe("sallyport user show", () => {
  test("prints the same links again, or the one of a door", () => {
    const { out } = addAlice();
    const shown = user("show", "alice", "--host", "gate.example");
    expect({ code: shown.code, out: shown.out }).toEqual({ code: 0, out });
    const one = user("show", "alice", "--door", "wg", "--host", "gate.example");
    expect(one.out).toBe(`${out.split("\n")[1]!}\n`);
  });

  test("--json prints who, door, host and link", () => {
    const { out } = addAlice();
    const shown = user("show", "alice", "--json", "--host", "gate.example");
    const [ssh, wg] = out.trim().split("\n");
    const device = { user: "alice", device: "laptop", host: "gate.example" };
    expect(JSON.parse(shown.out)).toEqual([
      { ...device, door: "ssh", link: ssh },
      { ...device, door: "wg", link: wg },
    ]);
  });

  test("puts an IPv6 address in brackets, however it is given", () => {
    addAlice();
    for (const host of ["2001:db8::1", "[2001:db8::1]"]) {
      const { out } = user("show", "alice", "--door", "ssh", "--host", host);
      expect(out).toContain("@[2001:db8::1]/ssh?");
    }
  });

  test("asks for the device where there are several, and for a door that exists", () => {
    addAlice();
    user("add", "alice", "--device", "phone", "--host", "gate.example");
    expect(user("show", "alice").err).toBe(
      "sallyport: Cannot show alice/default: it has no key: name one of its devices with --device: laptop, phone\n",
    );
    expect(user("show", "alice", "--device", "phone", "--door", "old").err).toContain(
      'Cannot show a link of alice to "old": no such door names them: write one of ssh, wg',
    );
    expect(user("show", "dave")).toMatchObject({ code: 1 });
    expect(user("show", "dave").err).toContain('run "sallyport user add dave"');
  });

  /** What `user show bob` shows on a terminal of so many columns. */
  async function shownAt(cols: number): Promise<string> {
    const shown: Uint8Array[] = [];
    const child = spawn([process.execPath, MAIN, "user", "show", "bob", "--host", "gate.example"], {
      cwd: folder,
      terminal: { cols, rows: 60, data: (_, chunk) => shown.push(Uint8Array.from(chunk)) },
    });
    await child.exited;
    return Buffer.concat(shown).toString().replaceAll("\r\n", "\n");
  }

  test("draws a QR code in colours of its own on a terminal, and the link after it", async () => {
    const link = user("add", "bob", "--host", "gate.example").out.trim();
    const code = renderUnicodeCompact(link, { border: 2 });
    const drawn = await shownAt(200);
    const lines = code.split("\n").map((line) => `\u001B[38;5;231;48;5;16m${line}\u001B[0m`);
    expect(drawn).toContain(`Door ssh:\n${lines.join("\n")}\n${link}\n`);
    const width = code.indexOf("\n");
    expect(await shownAt(width)).toContain(lines[0]!);
    const narrow = await shownAt(width - 1);
    expect(narrow).not.toContain("█");
    expect(narrow).toContain(`the QR code is wider than the ${width - 1} columns of this terminal`);
    expect(narrow.replaceAll("\n", "")).toContain(link);
  });
});

describe("sallyport user list", () => {
  test("prints users, devices, doors and days, as a table or as JSON, and no secrets", () => {
    addAlice();
    user("add", "carol", "--host", "gate.example");
    const today = new Date().toISOString().slice(0, 10);
    expect(user("list").out).toBe(
      `alice\tlaptop\tssh, wg\t${today}\ncarol\tdefault\tnone\t${today}\n`,
    );
    const rows = JSON.parse(user("list", "--json").out) as Record<string, unknown>[];
    expect(rows).toMatchObject([
      { user: "alice", device: "laptop", doors: ["ssh", "wg"] },
      { user: "carol", device: "default", doors: [] },
    ]);
  });

  test("says how to begin when nobody has a key", () => {
    expect(user("list")).toEqual({
      code: 0,
      out: "",
      err: 'Nobody has a key: run "sallyport user add NAME"\n',
    });
    expect(user("list", "--json").out).toBe("[]\n");
  });
});

describe("sallyport user remove", () => {
  test("removes one device, or all of a user", () => {
    addAlice();
    user("add", "alice", "--host", "gate.example");
    user("add", "alice", "--device", "phone", "--host", "gate.example");
    const removed = user("remove", "alice", "--device", "laptop");
    expect(removed).toMatchObject({ code: 0, out: "" });
    expect(removed.err).toMatch(
      new RegExp(
        `^Removed alice/laptop\n${NO_DAEMON}: doors that are open stay so until their time is over\n$`,
      ),
    );
    expect(user("remove", "alice", "--yes").err).toStartWith(
      "Removed alice\nRemoved alice/phone\n",
    );
    expect(loadKeys(stateDir)).toEqual([]);
  });

  test("refuses two devices at once, and removes neither", () => {
    for (const device of ["phone", "tab"]) {
      user("add", "bob", "--device", device, "--host", "gate.example");
    }
    expect(user("remove", "bob", "--device", "phone", "--device", "tab")).toEqual({
      code: 64,
      out: "",
      err: 'sallyport: Cannot run "user remove": --device is given twice: give it once\n',
    });
    expect(loadKeys(stateDir)).toHaveLength(2);
  });

  test("asks before nobody can open a door any more", () => {
    addAlice();
    user("add", "bob", "--host", "gate.example");
    expect(user("remove", "alice")).toEqual({
      code: 1,
      out: "",
      err: "sallyport: Cannot remove alice: nobody could open wg any more: add another key first, or repeat the command with --yes\n",
    });
    expect(loadKeys(stateDir)).toHaveLength(2);
    expect(user("remove", "alice", "--yes").code).toBe(0);
    expect(loadKeys(stateDir)).toHaveLength(1);
  });

  test("asks before the caller cuts himself off, also where sudo hides where he came from", () => {
    addAlice();
    user("add", "alice", "--device", "phone", "--host", "gate.example");
    const log = new AuditLog(stateDir, { nowMs: Date.now(), report: () => {} });
    const holder = { user: "alice", device: "laptop" };
    for (const door of ["old", "ssh", "wg"]) {
      log.add(opened(Date.now(), grantOf("203.0.113.7", { door, ...holder })));
    }
    log.close();
    const argv = [process.execPath, MAIN, "user", "remove", "alice/laptop"];
    const from = (address: string, port = 22) =>
      `SSH_CONNECTION=${address} 50000 192.0.2.1 ${port}`;
    const direct = ["env", from("203.0.113.7"), ...argv];
    // A shell that keeps the variable, and below it a process from which "env -u" has taken it.
    const below = [
      "env",
      from("203.0.113.7"),
      "sh",
      "-c",
      'env -u SSH_CONNECTION "$@"; exit $?',
      "sh",
    ];
    const throughOld = ["env", from("203.0.113.7", 8443), ...argv];
    for (const [words, door] of [
      [direct, "ssh"],
      [[...below, ...argv], "ssh"],
      [throughOld, "old"],
    ] as const) {
      const done = run(words, { cwd: folder, mayFail: true });
      expect(done).toEqual({
        code: 1,
        out: "",
        err: `sallyport: Cannot remove alice/laptop: you are connected from 203.0.113.7, which alice/laptop opened ${door} to, and would be cut off: repeat the command with --keep-sessions, or with --yes\n`,
      });
    }
    expect(loadKeys(stateDir)).toHaveLength(2);
    const elsewhere = ["env", from("203.0.113.8"), ...argv];
    expect(run([...APART, ...elsewhere], { cwd: folder, mayFail: true }).code).toBe(0);
  });

  test.each([12_345, 51_820])(
    "asks nothing of a caller at TCP port %d, which no door opens",
    (port) => {
      addAlice();
      user("add", "alice", "--device", "phone", "--host", "gate.example");
      const log = new AuditLog(stateDir, { nowMs: Date.now(), report: () => {} });
      const holder = { user: "alice", device: "laptop" };
      for (const door of ["ssh", "wg"]) {
        log.add(opened(Date.now(), grantOf("203.0.113.7", { door, ...holder })));
      }
      log.close();
      const caller = `SSH_CONNECTION=203.0.113.7 50000 192.0.2.1 ${port}`;
      const argv = [process.execPath, MAIN, "user", "remove", "alice/laptop"];
      const done = run([...APART, "env", caller, ...argv], { cwd: folder, mayFail: true });
      expect(done).toMatchObject({ code: 0, out: "" });
    },
  );

  test("refuses what is not there", () => {
    const { code, err } = user("remove", "alice");
    expect(code).toBe(1);
    expect(err).toBe(
      'sallyport: Cannot remove "alice": it has no key: see "sallyport user list"\n',
    );
  });
});

describe("sallyport user, beside a daemon", () => {
  const beside = (daemon: Daemon, ...argv: readonly string[]) =>
    runCli(["user", ...argv, "--socket", daemon.socket], folder);

  async function started() {
    const daemon = await startDaemon();
    daemon.control.keysFile = join(stateDir, "keys.toml");
    return daemon;
  }

  test("add has it take the key at once", async () => {
    await using daemon = await started();
    const { code, err } = await beside(daemon, "add", "bob", "--host", "gate.example");
    expect(code).toBe(0);
    expect(err).toEndWith("The running daemon took the key: it opens its doors from now on\n");
    expect(daemon.control.calls).toEqual(["reloadKeys false"]);
  });

  test("tells it of a key that is kept, too: the command that made it may have reached nobody", async () => {
    await using daemon = await started();
    daemon.control.refusal = new SallyportError("Cannot read the keys: the disk is busy");
    const alice = ["add", "alice", "--host", "gate.example", "--if-missing"];
    expect((await beside(daemon, ...alice)).code).toBe(1);
    expect((await beside(daemon, ...alice)).code).toBe(1);
    daemon.control.refusal = undefined;
    const { code, err } = await beside(daemon, ...alice);
    expect(code).toBe(0);
    expect(err).toStartWith("alice has a key already: it is kept\n");
    expect(err).toEndWith("The running daemon took the key: it opens its doors from now on\n");
    expect(daemon.control.calls).toEqual(["reloadKeys false"]);
  });

  test.each([
    ["| true", 0, []],
    [
      "> /dev/full",
      1,
      ["sallyport: Cannot write the output: ENOSPC: no space left on device, write"],
    ],
  ])("tells it of an added key whose link nobody takes: %s", async (sink, code, complaints) => {
    await using daemon = await started();
    const words = [process.execPath, MAIN, "user", "add", "alice", "--host", "gate.example"];
    const command = `set -o pipefail; ${words.join(" ")} --socket ${daemon.socket} ${sink}`;
    const child = spawn(["bash", "-c", command], { cwd: folder, stderr: "pipe" });
    const [err, ended] = await Promise.all([child.stderr.text(), child.exited]);
    expect([daemon.control.calls, ended]).toEqual([["reloadKeys false"], code]);
    expect(err.split("\n").filter((line) => line.startsWith("sallyport: "))).toEqual(complaints);
    expect(err).toEndWith("The running daemon took the key: it opens its doors from now on\n");
  });

  test("add, remove and a key that is kept: refused where the daemon would lose other keys", async () => {
    await using daemon = await started();
    addAlice();
    const before = loadKeys(stateDir);
    daemon.control.keysRefusal = new NeedsYes("Cannot take the keys: everybody would lose ssh");
    const refused = {
      code: 1,
      out: "",
      err: "sallyport: Cannot take the keys: everybody would lose ssh; nothing was changed\n",
    };
    user("add", "bob", "--host", "gate.example");
    const add = ["add", "carol", "--host", "gate.example"];
    const kept = ["add", "alice/laptop", "--host", "gate.example", "--if-missing"];
    const leave = ["remove", "bob"];
    for (const argv of [add, kept, [...leave, "--keep-sessions"], [...leave, "--yes"]]) {
      expect(await beside(daemon, ...argv)).toEqual(refused);
    }
    expect(loadKeys(stateDir)).toHaveLength(before.length + 1);
    expect(daemon.control.calls).toEqual([]);
  });

  test("add says what is wrong where the daemon sees another file by the name", async () => {
    await using daemon = await started();
    daemon.control.keysFolder = "64769:131";
    const { code, err } = await beside(daemon, "add", "bob", "--host", "gate.example");
    expect([code, loadKeys(stateDir)]).toEqual([1, []]);
    expect(err).toStartWith(
      `sallyport: Cannot change ${daemon.control.keysFile}: the running daemon finds another file by that name`,
    );
  });

  test("add says when a key opens where rotating doors wait", async () => {
    await using daemon = await started();
    daemon.control.wait = "Rotating doors wait 49 s, until no knock used before can open them";
    const { err } = await beside(daemon, "add", "bob", "--host", "gate.example");
    expect(err).toEndWith(`The running daemon took the key. ${daemon.control.wait}\n`);
  });

  test("add says of a key that no door names that it opens none", async () => {
    await using daemon = await started();
    const { err } = await beside(daemon, "add", "carol", "--host", "gate.example");
    expect(err).toEndWith("The running daemon took the key, which opens no door yet\n");
  });

  test("remove says whom it closed, and leaves that with --keep-sessions", async () => {
    await using daemon = await started();
    addAlice();
    user("add", "bob", "--host", "gate.example");
    daemon.control.cutOff = [
      daemon.control.add({
        door: "ssh",
        address: "203.0.113.9",
        via: "rotating",
        user: "alice",
        device: "laptop",
      }),
    ];
    expect((await beside(daemon, "remove", "alice", "--yes")).err).toBe(
      "Removed alice/laptop\nssh is closed to 203.0.113.9 for alice/laptop\nThe running daemon took it: nobody gets in by it any more\n",
    );
    const kept = await beside(daemon, "remove", "bob", "--keep-sessions", "--yes");
    expect(kept.err).toContain("open doors and sessions stay as they are");
    expect(daemon.control.calls).toEqual([
      "reloadKeys false without alice/*",
      "reloadKeys true without bob/*",
    ]);
  });

  test("fails, loudly, where it could not be told or reads other keys; the file is changed all the same", async () => {
    await using daemon = await started();
    addAlice();
    daemon.control.refusal = new SallyportError("Cannot read the keys: they are wrong");
    const refused = await beside(daemon, "remove", "alice", "--yes");
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toBe(
      "Removed alice/laptop\nsallyport: Cannot tell the running daemon that the keys changed: Cannot read the keys: they are wrong: " +
        "repeat the command; until then it opens by the old ones\n",
    );
    expect(loadKeys(stateDir)).toEqual([]);
    expect((await beside(daemon, "remove", "alice", "--yes")).err).toContain("repeat the command");
    daemon.control.refusal = undefined;
    const grant = { door: "ssh", address: "203.0.113.9", via: "rotating", user: "alice" } as const;
    daemon.control.cutOff = [daemon.control.add(grant)];
    const repeated = await beside(daemon, "remove", "alice", "--yes");
    expect(repeated).toMatchObject({ code: 0, out: "" });
    expect(repeated.err).toStartWith("alice has no key any more\nssh is closed to 203.0.113.9");
    daemon.control.cutOff = [];
    const again = await beside(daemon, "remove", "alice", "--yes");
    expect(again.code).toBe(1);
    expect(again.err).toContain('Cannot remove "alice": it has no key: see "sallyport user list"');
    daemon.control.lost = [{ user: "carol", device: "phone" }];
    const carol = { user: "carol", device: "phone" };
    daemon.control.cutOff = [daemon.control.add({ ...grant, ...carol })];
    const besides = await beside(daemon, "remove", "alice", "--yes");
    expect(besides.code).toBe(1);
    expect(besides.err).toStartWith(
      `${daemon.control.keysFile} holds no key of carol/phone any more, or another one: the running daemon took that, too\n` +
        'ssh is closed to 203.0.113.9 for carol/phone\nsallyport: Cannot remove "alice": it has no key',
    );
    daemon.control.keysFile = "/elsewhere/keys.toml";
    const other = await beside(daemon, "add", "bob", "--host", "gate.example");
    expect(other.code).toBe(1);
    expect(other.err).toContain("it reads them from /elsewhere/keys.toml, not from ");
  });
});

test("sallyport user tells a key to standard output alone, and only by add and show", () => {
  addAlice();
  const key = encodeBase32(loadKeys(stateDir)[0]!.key);
  const runs = [
    user("list"),
    user("list", "--json"),
    user("add", "alice", "--device", "laptop"),
    user("show", "alice", "--device", "none"),
    user("show", "alice", "--door", "none"),
    user("show", "alice", "--host", "a b"),
    user("remove", "alice", "--device", key),
    user("show", key),
    user("add", key),
    user("show", "alice", "--host", "gate.example"),
    user("remove", "alice", "--yes"),
  ];
  for (const { err } of runs) expect(err.toUpperCase()).not.toContain(key);
  const told = runs.filter(({ out }) => out.includes(key));
  expect(told).toEqual([runs[9]!]);
  expect(readFileSync(join(stateDir, "keys.toml"), "utf8")).not.toContain(key);
});

test("sallyport user and each of its commands show an example with --help", () => {
  for (const argv of [[], ["add"], ["list"], ["remove"], ["show"]]) {
    const { code, out } = user(...argv, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(/\nExamples?:\n(?: {2}sallyport user .*\n)+$/);
  }
});

describe("guessHost()", () => {
  const nic = (address: string, internal = false) => ({
    address,
    internal,
    netmask: "",
    mac: "",
    cidr: null,
    ...(address.includes(":")
      ? { family: "IPv6" as const, scopeid: 0 }
      : { family: "IPv4" as const }),
  });
  test.each([
    ["gate.example.org", [nic("192.168.1.2")], "gate.example.org"],
    ["gate", [nic("127.0.0.1", true), nic("192.168.1.2"), nic("198.51.100.7")], "198.51.100.7"],
    ["gate", [nic("127.0.0.1", true), nic("fe80::1"), nic("192.168.1.2")], "192.168.1.2"],
    ["gate.local", [nic("192.168.1.2")], "192.168.1.2"],
    ["gate", [nic("169.254.1.1")], "gate"],
    ["gate", [], "gate"],
  ])("takes for the host %s with %j: %s", (hostname, nics, host) => {
    expect(guessHost(hostname, { eth0: nics })).toBe(host);
  });
});
