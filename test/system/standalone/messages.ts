/** The clients of one file print the messages of `sallyport knock`, and end like it. */

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { slotsName } from "../../../src/client/slot-store.ts";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { slotAt } from "../../../src/rks/slot.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { Lab } from "../../support/lab.ts";
import { type Finished, run } from "../../support/programs.ts";
import { startEcho } from "../../support/service.ts";
import { type Knocker, knockWords, POWERSHELL, testIf } from "./knockers.ts";

setDefaultTimeout(120_000);

const KEY = crypto.getRandomValues(new Uint8Array(32));
const CANARY = encodeBase32(KEY);
const STEP_SECONDS = 300;
const SALLYPORT: Knocker = {
  name: "sallyport",
  self: "sallyport knock",
  argv: [EXECUTABLE, "knock"],
  sendsUdp: true,
};

const linkTo = (host: string, extra = "") =>
  `rks1://alice%2Fphone@${host}/ssh?key=${CANARY}&step=${STEP_SECONDS}${extra}`;

let home = "";

/** In the block that calls it: one for the whole module would serve the first file that imports it alone. */
function freshHomes(): void {
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "sallyport-knock-"));
  });
  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });
}

/** The output without the names of client and folder, and without times. */
function plain({ code, out, err }: Finished, { self }: Knocker): Finished {
  expect(out + err).not.toContain(CANARY);
  const same = (text: string) =>
    text
      .replaceAll(home, "HOME")
      .replaceAll(/^sallyport(-knock\S*|_knock\S*)?: /gm, "CLIENT: ")
      .replaceAll(self, "CLIENT")
      .replaceAll(/\d+ ms/g, "N ms")
      .replaceAll(/Ms": \d+/g, 'Ms": N')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "NOW");
  return { code, out: same(out), err: same(err) };
}

const knock = (knocker: Knocker, argv: readonly string[], input = "") =>
  plain(run(knockWords(knocker, home, ...argv), { mayFail: true, input }), knocker);

function saveLink(text: string, name = "home"): string {
  const path = join(home, "config/sallyport/profiles", name);
  mkdirSync(dirname(path), { recursive: true });
  chmodSync(dirname(path), 0o700);
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  return path;
}

/** A client that other users may start: the program that tests compile is in a folder of root's. */
function forOthers(knocker: Knocker): Disposable & { readonly knocker: Knocker } {
  if (knocker !== POWERSHELL) return { knocker, [Symbol.dispose]: () => {} };
  const folder = mkdtempSync(join(tmpdir(), "sallyport-knocker-"));
  chmodSync(folder, 0o755);
  const program = join(folder, "knock.exe");
  copyFileSync(knocker.argv.at(-1)!, program);
  chmodSync(program, 0o644);
  return {
    knocker: { ...knocker, argv: [...knocker.argv.slice(0, -1), program] },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

function expectAlike(knocker: Knocker, argv: readonly string[], input = ""): void {
  expect(knock(knocker, argv, input)).toEqual(knock(SALLYPORT, argv, input));
}

const good = linkTo("gate.example");
const LINKS: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["no link", "hello\n"],
  ["two links", `${good}\n${good}\n`],
  ["an unknown parameter", `${good}&n=8&color=red`],
  ["a parameter twice", `${good}&n=8&n=9`],
  ["a short key", "rks1://a@h/ssh?key=ABCDEFGH"],
  ["a key with spare bits", `rks1://a@h/ssh?key=${"A".repeat(51)}B`],
  ["no key", "rks1://a@h/ssh?n=8"],
  ["n out of bounds", `${good}&n=2`],
  ["step out of bounds", `rks1://a@h/ssh?key=${CANARY}&step=9`],
  ["a number that is none", `${good}&lo=x`],
  ["a small range", `${good}&lo=20000&hi=20998`],
  ["a bad protocol", `${good}&proto=sctp`],
  ["a bad port list", `${good}&opens=22/tcp,x`],
  ["a port list that runs backwards", `${good}&opens=30-22/tcp`],
  ["a bad door", `rks1://a@h/SSH!?key=${CANARY}`],
  ["a bad IPv4 address", `rks1://a@10.0.0.256/ssh?key=${CANARY}`],
  ["a bad IPv6 address", `rks1://a@[fd77:::1]/ssh?key=${CANARY}`],
  ["a link-local address without its interface", `rks1://a@[fe80::1]/ssh?key=${CANARY}`],
  ["a zone with a broken escape", `rks1://a@[fe80::1%25%zz]/ssh?key=${CANARY}`],
  ["a zone of no link-local address", `rks1://a@[fd77::1%25eth0]/ssh?key=${CANARY}`],
  ["an empty zone", `rks1://a@[fe80::1%]/ssh?key=${CANARY}`],
  ["a bad host name", `rks1://a@-gate/ssh?key=${CANARY}`],
  ["a bad user", `rks1://a%20b@h/ssh?key=${CANARY}`],
  ["a broken escape", `rks1://a%zz@h/ssh?key=${CANARY}`],
  ["more than a link", "x".repeat(9_000)],
];

/** sallyport's message for each case: the same for every client. */
const REFUSALS: Record<string, Finished> = {};

/** Registers the tests of one client: a file for each, so that they run side by side. */
export function describeMessages(knocker: Knocker): void {
  describe(knocker.name, () => describeWords(knocker));
  describe("on the wire", () => describeWire(knocker));
}

function describeWords(knocker: Knocker): void {
  freshHomes();
  test("refuses what is no link on standard input as sallyport does", () => {
    for (const [what, text] of LINKS) {
      const answer = (REFUSALS[what] ??= knock(SALLYPORT, ["--save", "new"], text));
      expect([what, knock(knocker, ["--save", "new"], text)]).toEqual([what, answer]);
    }
    expect(readdirSync(home)).toEqual([]);
  });

  test.each([
    ["nothing to knock", []],
    ["a profile that is not saved", ["office"]],
    ["a key as a profile", [CANARY]],
    ["a name that is none", [".."]],
    ["a port that is none", ["10.77.0.1", "7000", "80000"]],
    ["a key as a port", ["10.77.0.1", CANARY]],
    ["a key as a host", [CANARY, "7000"]],
    ["a padded key as a host", [`${CANARY.toLowerCase()}====`, "7000"]],
    ["two profiles to forget", ["--forget", "home", "office"]],
    ["an empty host", ["", "22"]],
    ["an empty profile", [""]],
    ["a host with a user", ["alice@gate.example", "22"]],
    ["a host with a port", ["127.0.0.1:22", "7000"]],
    ["a host with blanks", ["gate example", "7000"]],
    ["a host that would drive a terminal", ["gate\x1b[2J", "7000"]],
    ["-u with a profile", ["home", "-u"]],
    ["a link to save in its arguments", ["--save", "new", "x"]],
    ["a host that does not exist", ["nosuch.invalid", "7000"]],
    ["IPv6 to an IPv4 address", ["127.0.0.1", "7000", "-6"]],
  ])("refuses %s as sallyport does", (_what, argv) => {
    expectAlike(knocker, argv);
    saveLink(good);
    expectAlike(knocker, argv);
  });

  test.each([
    [["home", "--drry"]],
    [["home", "--json=1"]],
    [["home", "-d60001"]],
    [["home", "-4", "-6"]],
    [["home", "-d", "-1"]],
    [["home", "-d", "60001"]],
    [["home", "--timeout", "2"]],
    [["home", "--timeout", "99ms"]],
    [["home", "--tries", "0"]],
    [["home", "--wait", "65536"]],
    [["home", "--wait"]],
  ])("ends with 64 for %p, in one line", (argv) => {
    saveLink(good);
    const said = knock(knocker, argv);
    expect([said.code, said.out, said.err.trim().split("\n").length]).toEqual([64, "", 1]);
  });

  test("ends in one sentence where standard input cannot be read", () => {
    for (const redirection of ["<&-", "< /dev/zero", "< /dev/null"]) {
      const script = `exec "$@" --save new ${redirection}`;
      const words = ["sh", "-c", script, "sh", ...knockWords(knocker, home)];
      const said = plain(run(words, { mayFail: true }), knocker);
      expect(said.err).toStartWith("CLIENT: Cannot read the profile link: standard input");
      expect([said.code, said.err.trim().split("\n").length]).toEqual([64, 1]);
    }
  });

  testIf(knocker !== POWERSHELL)("fails where its output cannot be written", () => {
    saveLink(linkTo("127.0.0.1"));
    for (const argv of [
      ["home", "--no-wait"],
      ["home", "--no-wait", "--json"],
      ["--forget", "home"],
      ["--save", "new"],
      ["--help"],
    ]) {
      const words = knockWords(knocker, home, ...argv);
      const said = plain(
        run(["sh", "-c", 'exec "$@" > /dev/full', "sh", ...words], { mayFail: true, input: good }),
        knocker,
      );
      expect(said.err).toStartWith("CLIENT: Cannot write the output: ");
      expect([said.code, said.err.trim().split("\n").length]).toEqual([1, 1]);
    }
  });

  testIf(knocker !== POWERSHELL)(
    "says what failed, and no more, where its outputs are closed",
    () => {
      saveLink(linkTo("127.0.0.1"));
      const closing = (outputs: string, ...argv: string[]) => {
        const words = [
          "sh",
          "-c",
          `exec "$@" ${outputs}`,
          "sh",
          ...knockWords(knocker, home, ...argv),
        ];
        return plain(run(words, { mayFail: true }), knocker);
      };
      const told = closing(">&-", "--forget", "home").err;
      expect(["", "CLIENT: Cannot write the output: standard output takes no more\n"]).toContain(
        told,
      );
      expect(closing("2>&-", "nosuch")).toEqual({ code: 64, out: "", err: "" });
    },
  );

  /** As another user than root, whom the system's list does not know. */
  const STRANGER = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];
  const asStranger = (who: Knocker, script: string, ...argv: string[]) => {
    chmodSync(home, 0o777);
    const words = [...STRANGER, "sh", "-c", `cd "$0" && ${script} exec "$@"`, home, ...who.argv];
    return plain(run([...words, ...argv], { mayFail: true, input: linkTo("127.0.0.1") }), who);
  };
  const asOthers = knocker !== POWERSHELL && process.getuid?.() === 0;

  testIf(asOthers)("saves nothing where it is started when nobody knows the home folder", () => {
    for (const how of ["HOME=here", "HOME=", "unset HOME;"]) {
      const script = `unset XDG_CONFIG_HOME XDG_STATE_HOME; export HOME; ${how}`;
      for (const argv of [["--save", "new"], ["home"], []]) {
        const said = asStranger(knocker, script, ...argv);
        expect(said).toEqual(asStranger(SALLYPORT, script, ...argv));
        expect(said.err).toStartWith("CLIENT: Cannot find your home folder: ");
      }
      expect(asStranger(knocker, script, "127.0.0.1", "7000")).toEqual({
        code: 0,
        out: "127.0.0.1: knock sent, without waiting for an answer\n",
        err: "",
      });
    }
    expect(readdirSync(home)).toEqual([]);
  });

  testIf(asOthers)("keeps the rights of the owner, whatever the umask", () => {
    const script = 'export HOME="$0"; unset XDG_CONFIG_HOME XDG_STATE_HOME; umask 777;';
    expect(asStranger(knocker, script, "--save", "home").code).toBe(0);
    expect(asStranger(knocker, script, "home", "--no-wait").code).toBe(0);
    expect(asStranger(SALLYPORT, script, "--save", "home", "--force").code).toBe(0);
  });

  test.each([
    [["home", "-6", "-4"], /--ipv[46] cannot be used with --ipv[46]: give one of them$/],
    [
      ["home", "--wait", "22", "--no-wait"],
      /wait cannot be used with --(no-)?wait: give one of them$/,
    ],
    [
      ["home", "--no-wait", "--wait=22"],
      /wait cannot be used with --(no-)?wait: give one of them$/,
    ],
    [["--save", "a", "--forget", "home"], /cannot be used with --(save|forget): give one of them$/],
    [["--forget=home", "--save", "a"], /cannot be used with --(save|forget): give one of them$/],
    [["-d", "5", "--delay", "6", "home"], /: --delay is given twice: give it once$/],
    [["--wait=22", "--wait", "22", "home"], /: --wait is given twice: give it once$/],
    [["--tries", "1", "--tries=2", "home"], /: --tries is given twice: give it once$/],
    [["--timeout", "1s", "--timeout", "2s", "home"], /: --timeout is given twice: give it once$/],
    [["--save", "a", "--save", "b"], /: --save is given twice: give it once$/],
    [["--forget", "home", "--forget", "b"], /: --forget is given twice: give it once$/],
    [
      ["home", "--force"],
      /: --force is for --save, and there is none: leave it out, or add --save/,
    ],
    [["--forget", "home", "--force"], /: --force is for --save, and there is none/],
    [["127.0.0.1", "7000", "--force"], /: --force is for --save, and there is none/],
    [["-46", "home"], /--ipv[46] cannot be used with --ipv[46]: give one of them$/],
    [["-vd5", "-d6", "home"], /: --delay is given twice: give it once$/],
  ])("refuses %p, since one of them would be ignored", (argv, sentence) => {
    saveLink(good);
    for (const who of [knocker, SALLYPORT]) {
      const said = knock(who, argv);
      const [first = ""] = said.err.split("\n");
      expect(first).toMatch(sentence);
      expect([said.code, said.out]).toEqual([64, ""]);
    }
  });

  test("takes a switch twice, a value without a blank, and a dash behind --", () => {
    saveLink(linkTo("127.0.0.1"));
    expect(knock(knocker, ["-d1", "127.0.0.1", "7000"]).code).toBe(0);
    expect(knock(knocker, ["--no-wait", "--no-wait", "-v", "-v", "--", "home"]).code).toBe(0);
  });

  test("takes short switches in one word, the last of them with a value", () => {
    for (const argv of [
      ["-uv", "127.0.0.1", "7000"],
      ["127.0.0.1", "7000", "-4vd", "1"],
      ["-vd1", "127.0.0.1", "7000"],
    ]) {
      expectAlike(knocker, argv);
      expect(knock(knocker, argv)).toMatchObject({ code: 0, err: expect.stringContaining("sent") });
    }
    for (const argv of [["-vx"], ["-v-"], ["-v-wait", "22"], ["-x"]]) {
      expect(knock(knocker, [...argv, "127.0.0.1", "7000"])).toMatchObject({ code: 64, out: "" });
    }
  });

  test("says as sallyport does that ports behind a profile's name make it a host", () => {
    saveLink(good, "127.0.0.1");
    for (const words of [["7000"], ["7000", "8000"], ["7000/udp"], ["7000", "-u"]]) {
      expectAlike(knocker, ["127.0.0.1", ...words]);
    }
    expect(knock(knocker, ["127.0.0.1", "7000"]).err).toContain('"CLIENT 127.0.0.1 --wait 7000"');
  });

  test("refuses a link in its arguments, where ps shows it", () => {
    // With ports behind it, it would be a host, which is looked up and quoted.
    for (const argv of [[good], ["--forget", good], [good, "7000"]]) {
      const said = knock(knocker, argv);
      expect(said.err).toContain(
        "CLIENT: Cannot use a link on the command line: other users can see it",
      );
      expect(said.code).toBe(64);
    }
  });

  test("stores a link as sallyport does: the same file, 0600 in folders of 0700", () => {
    const full = `${linkTo("[fd77::1]")}&lo=1024&hi=65535&n=9&proto=udp&opens=22/tcp,8000-8010/udp`;
    for (const text of [
      `\n  "${full}",\n`,
      `> ${full.slice(0, 60)}\r\n> ${full.slice(60)}\r\n`,
      full.replace(CANARY, CANARY.toLowerCase()),
    ]) {
      expectAlike(knocker, ["--save", "new", "--force"], text);
      const path = join(home, "config/sallyport/profiles/new");
      const theirs = readFileSync(path, "utf8");
      expect(knock(knocker, ["--save", "new", "--force"], text).code).toBe(0);
      expect(readFileSync(path, "utf8")).toBe(theirs);
    }
    rmSync(join(home, "config"), { recursive: true });
    expect(knock(knocker, ["--save", "new"], full).code).toBe(0);
    const modes = [
      "config/sallyport",
      "config/sallyport/profiles",
      "config/sallyport/profiles/new",
    ];
    expect(modes.map((path) => statSync(join(home, path)).mode & 0o777)).toEqual([
      0o700, 0o700, 0o600,
    ]);
    expect(readdirSync(join(home, "config/sallyport/profiles"))).toEqual(["new"]);
    expectAlike(knocker, ["--save", "new"], full);
    expectAlike(knocker, []);
  });

  test("warns of a delay that no server waits out", () => {
    saveLink(linkTo("nosuch.invalid"));
    expectAlike(knocker, ["home", "-d", "700"]);
  });

  testIf(knocker !== POWERSHELL)("refuses a folder in the place of a profile", () => {
    mkdirSync(join(home, "config/sallyport/profiles/home"), { recursive: true });
    expectAlike(knocker, ["home"]);
    expect(knock(knocker, ["home"])).toMatchObject({
      code: 78,
      err: "CLIENT: Cannot use HOME/config/sallyport/profiles/home: it is no file: move it away\n",
    });
  });

  test("refuses a profile that is broken", () => {
    const path = saveLink("rks1://broken");
    expectAlike(knocker, ["home"]);
    expect(knock(knocker, ["home"]).code).toBe(78);
    rmSync(path);
  });

  testIf(knocker !== POWERSHELL)("refuses a profile that others can read", () => {
    const path = saveLink(good);
    chmodSync(path, 0o640);
    expectAlike(knocker, ["home"]);
    expect(knock(knocker, ["home"]).code).toBe(78);
  });

  // Root gives itself up for this.
  testIf(process.getuid?.() === 0)(
    "does not take a folder that it may not read for one without profiles",
    () => {
      saveLink(good);
      chmodSync(home, 0o755);
      chmodSync(join(home, "config"), 0o755);
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      using own = forOthers(knocker);
      for (const hidden of ["config/sallyport/profiles", "config", "."]) {
        chmodSync(join(home, hidden), 0o700);
        for (const [who, ...argv] of [
          [own.knocker],
          [own.knocker, "office"],
          [SALLYPORT],
        ] as const) {
          const words = [...nobody, ...knockWords(who, home, ...argv)];
          const said = plain(run(words, { mayFail: true }), who);
          expect(said.err).toStartWith("CLIENT: Cannot read HOME/config/sallyport");
          expect(said.err).toMatch(/: make it a f(older|ile) of yours( with mode 0[67]00)?\n$/);
          expect(said.code).toBe(78);
        }
        chmodSync(join(home, hidden), 0o755);
      }
    },
  );

  const slots = () =>
    join(home, "state/sallyport/slots", slotsName({ key: KEY, door: "ssh" }), `${STEP_SECONDS}s`);

  test("tells a clock that was ahead, and --forget forgets it", () => {
    saveLink(linkTo("127.0.0.1"));
    const hour = 3_600 / STEP_SECONDS;
    for (const ahead of [4, hour, 30 * hour, 24 * 40 * hour]) {
      rmSync(join(home, "state"), { recursive: true, force: true });
      mkdirSync(slots(), { recursive: true });
      writeFileSync(join(slots(), String(slotAt(Date.now(), STEP_SECONDS) + ahead)), "");
      expectAlike(knocker, ["home"]);
    }
    expectAlike(knocker, ["--forget", "home"]);
    expect(knock(knocker, ["home", "--no-wait"]).code).toBe(0);
  });

  test("forgets no slot whose knock the server may have believed", () => {
    saveLink(linkTo("127.0.0.1"));
    expect(knock(knocker, ["home", "--no-wait"]).code).toBe(0);
    const used = readdirSync(slots());
    const ahead = join(slots(), String(Number(used[0]) + 5));
    const minutes = join(dirname(slots()), "60s");
    mkdirSync(minutes);
    for (const path of [ahead, join(minutes, "9999999999"), join(minutes, "1"), join(minutes, "x")])
      writeFileSync(path, "");
    expect(knock(knocker, ["--forget", "home"]).code).toBe(0);
    expect(readdirSync(slots())).toEqual(used);
    expect(readdirSync(minutes).toSorted()).toEqual(["1", "x"]);
    expect(knock(knocker, ["home", "--no-wait"]).code).toBe(0);
    expect(readdirSync(slots())).toHaveLength(2);
    rmSync(dirname(slots()), { recursive: true });
    expectAlike(knocker, ["--forget", "home"]);
  });

  test("uses the slots that sallyport uses, each once, and clears old ones away", () => {
    saveLink(linkTo("127.0.0.1"));
    mkdirSync(slots(), { recursive: true });
    const now = slotAt(Date.now(), STEP_SECONDS);
    for (let i = 0; i < 15; i++) writeFileSync(join(slots(), String(now - 40 - i)), "");
    expect(knock(SALLYPORT, ["home", "--no-wait"]).code).toBe(0);
    expect(knock(knocker, ["home", "--no-wait"]).out).toContain(
      "127.0.0.1: knock sent, without waiting",
    );
    const used = readdirSync(slots())
      .map(Number)
      .toSorted((a, b) => a - b);
    // However far behind they are: a clock may have been ahead when the last one was taken.
    expect(used).toHaveLength(16);
    expect(used[0]).toBe(now - 40 - 13);
    expect(used[15]! - used[14]!).toBe(1);
  });

  /** A command after `script`, which has the folder as $0, in a mount namespace. */
  const mounted = (folder: string, script: string, argv: readonly string[], input = "") => {
    mkdirSync(folder, { recursive: true });
    const words = ["unshare", "--mount", "sh", "-c", script, folder];
    const said = run([...words, ...knockWords(knocker, home, ...argv)], { mayFail: true, input });
    return plain(said, knocker);
  };

  test.skipIf(process.getuid?.() !== 0)("leaves no part of a profile on a full disk", () => {
    const script = `mount -t tmpfs -o size=16k,mode=700 tmpfs "$0" || exit 99
      cat /dev/zero >"$0/fill" 2>/dev/null
      "$@"; echo "$?" $(ls -A "$0")`;
    const folder = join(home, "config/sallyport/profiles");
    const { out, err } = mounted(folder, script, ["--save", "new"], good);
    expect(out).toBe("1 fill\n");
    expect(err).toStartWith('CLIENT: Cannot save the profile "new": ');
    expect(err).toContain(": make HOME/config/sallyport/profiles writable");
  });

  test.skipIf(process.getuid?.() !== 0)("says so where it cannot forget the slots used", () => {
    saveLink(linkTo("127.0.0.1"));
    expect(knock(SALLYPORT, ["home", "--no-wait"]).code).toBe(0);
    writeFileSync(join(slots(), "999999999999"), "");
    const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
    const { code, out, err } = mounted(join(home, "state"), script, ["--forget", "home"]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toStartWith("CLIENT: Cannot forget the slots used in HOME/state/sallyport/slots/");
  });

  test("sends nothing where a slot cannot be remembered", () => {
    saveLink(linkTo("127.0.0.1"));
    writeFileSync(join(home, "state"), "a file in the folder's place");
    const said = knock(knocker, ["home", "--no-wait"]);
    expect(said.err).toContain(
      "a slot must be remembered before it is used: make the folder writable",
    );
    expect(said.code).toBe(1);
  });
}

function describeWire(knocker: Knocker): void {
  let lab: Lab;
  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 2222);
    lab.addAddress("server", "eth0", "fe80::77:1/64");
    lab.addAddress("client", "eth0", "fe80::77:2/64");
    const names = `/etc/netns/${lab.namespace("client")}`;
    mkdirSync(names, { recursive: true });
    writeFileSync(join(names, "hosts"), "fd77::1 gate.example\n10.77.0.1 gate.example\n");
    lab.run("server", ["nft", "-f", "-"], {
      input: `table inet test {
        chain input {
          type filter hook input priority 0;
          tcp dport 2223 drop
          tcp dport 2224 reject with tcp reset
        }
      }`,
    });
  });
  afterAll(() => {
    rmSync(`/etc/netns/${lab.namespace("client")}`, { recursive: true, force: true });
    lab[Symbol.dispose]();
  });

  const client = (one: Knocker, argv: readonly string[], input = "") => {
    rmSync(join(home, "state"), { recursive: true, force: true });
    const words = knockWords(one, home, ...argv);
    return plain(lab.run("client", words, { mayFail: true, input }), one);
  };

  /** sallyport's message does not depend on the client it is compared with, and takes a while. */
  const said = new Map<string, Finished>();
  const asSallyport = (argv: readonly string[], input = "") => {
    const key = JSON.stringify([argv, input]);
    const known = said.get(key) ?? client(SALLYPORT, argv, input);
    said.set(key, known);
    return known;
  };

  describe(knocker.name, () => {
    freshHomes();
    test.each([
      ["a port that is open already", ["-"], "&opens=2222/tcp"],
      ["a silent port", ["-", "--tries", "1", "--timeout", "3s", "-v"], "&opens=2223/tcp"],
      [
        "a refusing port",
        ["-", "--tries", "1", "--timeout", "3s", "-v", "--json"],
        "&opens=2224/tcp",
      ],
      ["another port, over IPv6", ["-", "-6", "--wait", "2222"], ""],
      ["over IPv4 for a program", ["-", "-4", "--json", "--wait", "2222"], ""],
      ["a door that opens no TCP port", ["-", "-v"], "&opens=51820/udp"],
    ])("tells %s as sallyport does", (_what, argv, extra) => {
      const link = linkTo("gate.example", extra);
      expect(client(knocker, argv, link)).toEqual(asSallyport(argv, link));
    });

    test.each(["[fe80::77:1%25eth0]", "[fe80::77:1%eth0]", "[fe80::77:1%25eth7]"])(
      "knocks on %s, and stores it, as sallyport does",
      (host) => {
        const link = linkTo(host, "&opens=2222/tcp");
        expect(client(knocker, ["-"], link)).toEqual(client(SALLYPORT, ["-"], link));
        const path = join(home, "config/sallyport/profiles/new");
        const [own, theirs] = [knocker, SALLYPORT].map((each) => [
          client(each, ["--save", "new", "--force"], link),
          readFileSync(path, "utf8"),
        ]);
        expect(own).toEqual(theirs);
      },
    );

    test.each([
      [["fe80::77:1%eth0", "7000", "8000/udp", "--wait", "2222"]],
      [["[fe80::77:1%25eth0]", "7000", "8000/udp", "--wait", "2222"]],
      [["[fd77::1]", "7000", "--wait", "2222"]],
      [["fe80::77:1", "7000", "--wait", "2222"]],
      [["fe80::77:1%eth7", "7000", "--wait", "2222"]],
      [["gate.example", "7000", "8000:udp", "9000/tcp", "--wait", "2222"]],
      [["10.77.0.1", "-u", "7000", "8000"]],
      [["10.77.0.1", "7000", "--wait", "2223", "--tries", "2", "--timeout", "3s", "-v"]],
    ])("tells the fixed sequence %p as sallyport does", (argv) => {
      expect(client(knocker, argv)).toEqual(asSallyport(argv));
    });
  });
}
