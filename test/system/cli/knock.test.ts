/**
 * `sallyport knock` as a person runs it, with the compiled executable. The guard of these labs is a few
 * nftables rules, so that the client is tested without our own server.
 */

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
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { sequencePorts } from "../../../src/rks/sequence.ts";
import { slotAt, slotStartMs } from "../../../src/rks/slot.ts";
import { DEFAULT_SPACE } from "../../../src/rks/space.ts";
import { tapWire } from "../../support/capture.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { Lab } from "../../support/lab.ts";
import { type Finished, run } from "../../support/programs.ts";
import { startEcho } from "../../support/service.ts";

setDefaultTimeout(20_000); // a slot may have to end first

const KEY = crypto.getRandomValues(new Uint8Array(32));
const CANARY = encodeBase32(KEY);
const PORT = 2222;

/** Long slots, so that few tests meet their end. */
const STEP_SECONDS = 300;

function linkTo(host: string, extra = `&opens=${PORT}/tcp`): string {
  return `rks1://alice@${host}/ssh?key=${CANARY}&step=${STEP_SECONDS}${extra}`;
}

function portsOf(slot: number): number[] {
  return [...sequencePorts(KEY, "ssh", DEFAULT_SPACE, slot)];
}

let home = "";
let environment: string[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sallyport-knock-"));
  environment = ["env", `XDG_CONFIG_HOME=${home}/config`, `XDG_STATE_HOME=${home}/state`];
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

/** No key in any output, whatever was typed. */
function clean(finished: Finished): Finished {
  expect(finished.out + finished.err).not.toContain(CANARY);
  return finished;
}

const knock = (argv: readonly string[], input = "") =>
  clean(run([...environment, EXECUTABLE, "knock", ...argv], { mayFail: true, input }));

describe("sallyport knock, on its arguments", () => {
  test("says that ports behind a profile's name make it a host, and knocks on that host", () => {
    const sentence = (rest: string) =>
      `sallyport: with ports behind it, "127.0.0.1" is a host: to knock with the profile of that name, run "sallyport knock 127.0.0.1${rest}"\n`;
    expect(knock(["127.0.0.1", "7000"]).err).toBe("");
    knock(["--save", "127.0.0.1"], linkTo("gate.example"));
    expect(knock(["127.0.0.1", "7000"])).toEqual({
      code: 0,
      out: "127.0.0.1: knock sent, without waiting for an answer\n",
      err: sentence(" --wait 7000"),
    });
    expect(knock(["127.0.0.1", "7000/udp"]).err).toBe(sentence(""));
    expect(knock(["127.0.0.1", "7000", "8000"]).err).toBe(sentence(""));
  });

  test.each([
    ["an option that does not exist", ["home", "--drry"], 64, "Unknown option '--drry'"],
    [
      "both families",
      ["home", "-6", "-4"],
      64,
      'Cannot run "knock": --ipv4 cannot be used with --ipv6: give one of them\n',
    ],
    ["a wait, and none", ["home", "--wait", "22", "--no-wait"], 64, "--wait cannot be used with"],
    ["to save and to forget", ["--save", "a", "--forget", "b"], 64, "cannot be used with --forget"],
    [
      "--force without --save",
      ["home", "--force"],
      64,
      'Cannot run "knock": --force is for --save, and there is none: leave it out, or add --save NAME\n',
    ],
    ["two to forget", ["--forget", "a", "b"], 64, "Cannot forget slots: more than one profile"],
    [
      "an empty host",
      ["", "22"],
      64,
      "Cannot look up the host: it is none: write a name or an address",
    ],
    ["a key as a host", [CANARY, "7000"], 64, "Cannot look up the host: it looks like a key"],
    ["a key as the value of an option", ["--wait", CANARY], 64, "(not shown: a key) is invalid"],
    ["no argument", [], 64, "Cannot knock: no profile is named: save one with"],
    [
      "a name that is not saved",
      ["home"],
      64,
      'Cannot find the profile "home": no profile is saved',
    ],
    ["a bad port", ["10.0.0.1", "7000", "80000"], 64, 'Cannot read the port "80000": write 7000'],
    ["a key as a port", ["10.0.0.1", CANARY], 64, "Cannot read the port: write 7000"],
    ["a key as a profile", [CANARY], 64, "its name is not valid"],
    ["a link with ports behind it", [linkTo("h"), "7000"], 64, "a link names its ports itself"],
    [
      "a link as the value of an option",
      ["--wait", linkTo("h")],
      64,
      "(not shown: a link) is invalid",
    ],
    [
      "a link with a quote",
      ["--tries", linkTo("h").replace("alice", "o'n")],
      64,
      "(not shown: a link)",
    ],
    ["a wrapped link", ["-d", linkTo("h").replace("key=", "key=\n")], 64, "(not shown: a link)"],
    ["a negative delay", ["10.0.0.1", "7000", "-d", "-1"], 64, "whole number from 0 to 60000"],
    ["a timeout without a unit", ["home", "--timeout", "2"], 64, 'Write a duration from "100ms"'],
    ["-u with a profile", ["home", "-u"], 64, "Cannot use --udp with a profile"],
    [
      "a link to save in argv",
      ["--save", "home", linkTo("h")],
      64,
      "Cannot save a link from the command line",
    ],
    [
      "a broken link",
      [`rks1://h/ssh?key=${CANARY}`],
      64,
      "Cannot read the profile link: it is not one",
    ],
    ["an empty standard input", ["-"], 64, "standard input is empty: paste the link"],
    ["a name that does not exist", ["nosuch.invalid", "7000"], 1, "Cannot look up nosuch.invalid"],
    [
      "IPv6 to an IPv4 address",
      ["127.0.0.1", "7000", "-6"],
      1,
      "it has no such address: leave out -6",
    ],
  ])("refuses %s", (_, argv, code, sentence) => {
    const { code: exit, err, out } = knock(argv);
    expect(err).toContain(sentence);
    expect([exit, out]).toEqual([code, ""]);
    expect(err).not.toContain("    at ");
  });

  test("a link in the place of a command, and of a host to connect to, is quoted nowhere", () => {
    const link = linkTo("gate.example");
    for (const [argv, sentence] of [
      [[link], "sallyport: A link is no command: run"],
      [["proxy", "home", link], "Cannot take a link here"],
      [["proxy", "home", "gate.example", link], "(not shown: a link) is invalid"],
    ] as const) {
      const { code, err } = clean(run([...environment, EXECUTABLE, ...argv], { mayFail: true }));
      expect([argv[0], code, err]).toEqual([argv[0], 64, expect.stringContaining(sentence)]);
    }
  });

  test("a knock that failed fails, too, where nobody reads its JSON", () => {
    knock(["--save", "home"], linkTo("127.0.0.1", "&opens=9/tcp"));
    const script = '"$@" knock home --tries 1 --timeout 100ms --json | true; exit ${PIPESTATUS[0]}';
    const argv = ["bash", "-c", script, "bash", ...environment, EXECUTABLE];
    expect(clean(run(argv, { mayFail: true })).code).toBe(1);
  });

  test("refuses a standard input that holds no link, in one sentence", () => {
    const from = (redirection: string) =>
      clean(run(["sh", "-c", `exec ${EXECUTABLE} knock - ${redirection}`], { mayFail: true }));
    for (const [redirection, sentence] of [
      ["< /dev/null", "standard input is empty"],
      ["< /", "standard input: EISDIR"],
      ["<&-", "Cannot read the profile link: standard input"],
      ["< /dev/zero", "longer than any link"],
    ] as const) {
      const { code, err } = from(redirection);
      expect(err).toStartWith("sallyport: ");
      expect(err).toContain(sentence);
      expect(err.trimEnd().split("\n").length).toBe(1);
      expect(code).toBe(64);
    }
  });

  test("--save stores the link of standard input, --force replaces it, and a readable file is refused", () => {
    const saved = knock(["--save", "home"], `\n  ${linkTo("gate.example")}\n`);
    const path = join(home, "config/sallyport/profiles/home");
    expect(saved).toEqual({
      code: 0,
      out: `Saved ssh on gate.example in ${path}\nKnock with: sallyport knock home\n`,
      err: "",
    });
    expect(knock(["--save", "home"], linkTo("gate.example")).err).toContain("add --force");
    expect(knock(["--save", "home", "--force"], linkTo("gate2.example")).code).toBe(0);
    chmodSync(path, 0o644);
    const refused = knock(["home"]);
    expect(refused.code).toBe(78);
    expect(refused.err).toContain(`run "chmod 600 ${path}"`);
  });

  /** Pastes at a terminal of its own, by Python's pty module; `out` is the text on the terminal. */
  function pasted(text: string) {
    const typist = `
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
while b"shown): " not in shown: shown += os.read(fd, 1024)
time.sleep(0.2)
os.write(fd, sys.argv[1].encode())
try:
    while data := os.read(fd, 1024): shown += data
except OSError: pass
sys.stdout.write(shown.decode()); sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
    const typed = [...environment, EXECUTABLE, "knock", "--save", "home"];
    return clean(run(["python3", "-c", typist, text, ...typed], { mayFail: true }));
  }

  test("--save asks at a terminal and echoes nothing", () => {
    const done = pasted(`${linkTo("gate.example")}\r`);
    expect(done.out).toContain("Profile link (not shown): ");
    expect(done.out).toContain("Saved ssh on gate.example");
    expect(done.out).not.toContain("rks1:");
    expect(done.code).toBe(0);
  });

  test.each([
    ["that its terminal marks as pasted", "\x1b[200~", "\x1b[201~\r"],
    ["that comes in one piece", "", "\r"],
  ])("--save takes a wrapped link in quotes %s", (_, begin, end) => {
    const link = linkTo("gate.example");
    const done = pasted(`${begin}"${link.slice(0, 50)}\r${link.slice(50)}"${end}`);
    expect(done.out).toContain("Saved ssh on gate.example");
    expect(done.code).toBe(0);
  });

  test("--save refuses two links, at a terminal and from a pipe, and saves neither", () => {
    const two = [linkTo("gate.example"), linkTo("gate2.example")];
    const says = "Cannot read the profile link: there are 2 links: give it one at a time";
    const typed = pasted(`${two.join("\r")}\r`);
    expect(typed.out).toContain(says);
    const piped = knock(["--save", "home"], `${two.join("\n")}\n`);
    expect(piped.err).toContain(says);
    expect([typed.code, piped.code]).toEqual([64, 64]);
    expect(knock(["home"]).err).toContain("no profile is saved");
  });
});

describe.skipIf(process.getuid?.() !== 0)("sallyport knock, on the wire", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", PORT);
    const names = `/etc/netns/${lab.namespace("client")}`;
    mkdirSync(names, { recursive: true });
    writeFileSync(join(names, "hosts"), "fd77::1 gate.example\n10.77.0.1 gate.example\n");
  });
  afterAll(() => {
    rmSync(`/etc/netns/${lab.namespace("client")}`, { recursive: true, force: true });
    lab[Symbol.dispose]();
  });

  const client = (argv: readonly string[], input = "") =>
    clean(
      lab.run("client", [...environment, EXECUTABLE, "knock", ...argv], { mayFail: true, input }),
    );

  /** Guards PORT; `rules` see a new packet first and may add its source to @open4 or @open6. */
  const guard = (rules: string, deny: "drop" | "reject with tcp reset" = "drop") =>
    lab.run("server", ["nft", "-f", "-"], {
      input: `table inet test
        delete table inet test
        table inet test {
          set open4 { type ipv4_addr; flags dynamic; timeout 1m; }
          set open6 { type ipv6_addr; flags dynamic; timeout 1m; }
          set first { type ipv4_addr; flags dynamic; timeout 5s; }
          set second { type ipv4_addr; flags dynamic; timeout 5s; }
          chain input {
            type filter hook input priority 0;
            ${rules}
            tcp dport ${PORT} ip saddr @open4 accept
            tcp dport ${PORT} ip6 saddr @open6 accept
            tcp dport ${PORT} ${deny}
            tcp dport 20000-52767 drop
          }
        }`,
    });

  /** Both slots that a client may use at once from now on, with time to do so before they change. */
  async function presentSlots(): Promise<readonly [number, number]> {
    const slot = slotAt(Date.now(), STEP_SECONDS);
    const leftMs = slotStartMs(slot + 1, STEP_SECONDS) - Date.now();
    if (leftMs < 6_000) {
      await Bun.sleep(leftMs + 50);
      return [slot + 1, slot + 2];
    }
    return [slot, slot + 1];
  }

  test("opens a door at the first knock and says so", async () => {
    const [slot] = await presentSlots();
    // The last packet of a knock is unknown, so the guard opens on any one of its ports.
    for (const deny of ["drop", "reject with tcp reset"] as const) {
      guard(
        `tcp dport { ${portsOf(slot).join()},${portsOf(slot + 1).join()} } add @open4 { ip saddr }`,
        deny,
      );
      const { code, out, err } = client(["-"], linkTo("10.77.0.1"));
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(new RegExp(`^ssh on 10\\.77\\.0\\.1: ${PORT}/tcp open after \\d+ ms\n$`));
    }
  });

  test("knocks again with the next slot where the first knock is lost", async () => {
    const [, next] = await presentSlots();
    guard(`tcp dport { ${portsOf(next).join()} } add @open4 { ip saddr }`);
    const { code, out } = client(["-", "--timeout", "400ms", "--json"], linkTo("10.77.0.1"));
    expect(JSON.parse(out)).toMatchObject({
      host: "10.77.0.1",
      door: "ssh",
      state: "open",
      address: "10.77.0.1",
      port: PORT,
      attempts: 2,
    });
    expect(code).toBe(0);
  });

  /** Nothing listens on it; nobody reaches it whom the guard has not let in. */
  const EMPTY = 2223;
  const empty = (deny: string) =>
    guard(
      `tcp dport 20000-52767 add @open4 { ip saddr }
       tcp dport ${EMPTY} ip saddr != @open4 ${deny}`,
    );

  test("says that the door may be open where the port refuses since the knock, and waits for no slot", async () => {
    await presentSlots();
    empty("drop");
    const done = client(["-", "--timeout", "400ms"], linkTo("10.77.0.1", `&opens=${EMPTY}/tcp`));
    expect(done.err).toStartWith(
      `sallyport: Cannot reach ssh on 10.77.0.1: 2 knocks sent and ${EMPTY}/tcp, silent before, refuses now: the door may be open and nothing answers behind it: `,
    );
    expect(done.err.trimEnd()).not.toContain("\n");
    expect([done.code, done.out]).toEqual([1, ""]);
  });

  test("says that it cannot tell where the port refuses as before, in JSON too", async () => {
    await presentSlots();
    empty("reject with tcp reset");
    const argv = ["-", "--timeout", "300ms", "--tries", "1", "--json"];
    const done = client(argv, linkTo("10.77.0.1", `&opens=${EMPTY}/tcp`));
    expect(done.err).toContain(`${EMPTY}/tcp refuses as it did before: either the door did not`);
    const told = JSON.parse(done.out) as Record<string, unknown>;
    expect(told).toMatchObject({ state: "refused", before: "refused", port: EMPTY, attempts: 1 });
    for (const name of ["elapsedMs", "sinceKnockMs"]) expect(told[name]).toBeInteger();
    expect(told["elapsedMs"]).toBeWithin(300, 1_000);
  });

  test("says that a port was open before the knock, which may have been the wrong one", async () => {
    await presentSlots();
    guard("ip saddr 10.77.0.2 add @open4 { ip saddr }");
    const done = client(["-"], linkTo("10.77.0.1"));
    expect([done.code, done.out]).toEqual([
      0,
      `ssh on 10.77.0.1: ${PORT}/tcp is open, and was open before the knock: from here nobody can tell whether the knock was believed\n`,
    ]);
    const json = client(["-", "--json"], linkTo("10.77.0.1"));
    expect(JSON.parse(json.out)).toMatchObject({ state: "open", before: "open", attempts: 1 });
  });

  test("falls back to the other family of a name, and says which one opened", async () => {
    const [, next] = await presentSlots();
    guard(`ip version 4 tcp dport { ${portsOf(next).join()} } add @open4 { ip saddr }`);
    const done = client(["-", "--timeout", "400ms", "-v"], linkTo("gate.example"));
    expect(done.err).toContain("knock 1: no answer from fd77::1");
    expect(done.out).toContain(`ssh on gate.example (10.77.0.1): ${PORT}/tcp open after`);
    expect(done.code).toBe(0);
  });

  test("-6 opens over IPv6", async () => {
    const slots = await presentSlots();
    guard(`tcp dport { ${slots.flatMap(portsOf).join()} } add @open6 { ip6 saddr }`);
    const done = client(["-", "-6"], linkTo("gate.example"));
    expect(done.out).toContain(`ssh on gate.example (fd77::1): ${PORT}/tcp open after`);
  });

  test("fails with one sentence when the door stays silent, and shows no port of the sequence", async () => {
    const slots = await presentSlots();
    guard("");
    const done = client(["-", "--tries", "2", "--timeout", "300ms", "-v"], linkTo("10.77.0.1"));
    expect(done.code).toBe(1);
    expect(done.err).toContain(
      `Cannot open ssh on 10.77.0.1: 2 knocks sent and ${PORT}/tcp still does not answer: check this computer's clock (`,
    );
    for (const port of slots.flatMap(portsOf)) {
      expect(done.err).not.toMatch(new RegExp(`\\b${port}\\b`));
    }
  });

  test("sends each port of its slot twice, and two knocks at once take two slots", async () => {
    const slots = await presentSlots();
    guard("");
    const tap = await tapWire(lab, "server", "tcp");
    writeFileSync(join(home, "link"), linkTo("10.77.0.1"));
    const argv = [
      ...environment,
      "sh",
      "-c",
      `exec ${EXECUTABLE} knock - --no-wait < ${home}/link`,
    ];
    const both = [lab.start("client", argv), lab.start("client", argv)];
    expect(await Promise.all(both.map((child) => child.exited))).toEqual([0, 0]);
    const packets = await tap.packets();
    const expected = [...slots, ...slots].flatMap(portsOf);
    const sorted = (ports: number[]) => ports.sort((a, b) => a - b);
    expect(sorted(packets.map(({ port }) => port))).toEqual(sorted(expected));
    expect(packets.every(({ flags }) => flags === "S")).toBe(true);
  });

  test("a profile of a UDP door knocks with datagrams", async () => {
    const slots = await presentSlots();
    guard(`udp dport { ${slots.flatMap(portsOf).join()} } add @open4 { ip saddr }`);
    const done = client(["-"], linkTo("10.77.0.1", `&proto=udp&opens=${PORT}/tcp`));
    expect(done.out).toContain("open after");
  });

  test("a door without a TCP port gets one knock and no probe", async () => {
    await presentSlots();
    guard("");
    const tap = await tapWire(lab, "server", `tcp`);
    const done = client(["-"], linkTo("10.77.0.1", "&opens=51820/udp"));
    expect(done).toMatchObject({
      code: 0,
      out: "ssh on 10.77.0.1: knock sent, without waiting for an answer\n",
      err: "sallyport: the link of ssh names no TCP port to wait for: sending one knock\n",
    });
    expect((await tap.packets()).length).toBe(16);
  });

  const FIXED = `
    tcp dport 7000 add @first { ip saddr }
    udp dport 8000 ip saddr @first add @second { ip saddr }
    tcp dport 9000 ip saddr @second add @open4 { ip saddr }`;

  test("a fixed sequence arrives in order and --wait tells that it opened", () => {
    for (const ports of [
      ["7000", "8000:udp", "9000"],
      ["7000/tcp", "8000/udp", "9000:tcp", "-d", "0"],
    ]) {
      guard(FIXED);
      const done = client(["10.77.0.1", ...ports, "--wait", String(PORT), "--tries", "1"]);
      expect(done.out).toMatch(/^10\.77\.0\.1: 2222\/tcp open after \d+ ms\n$/);
      expect(done.code).toBe(0);
    }
  });

  test("a fixed sequence in the wrong order fails and says what to check", () => {
    guard(FIXED);
    const argv = ["10.77.0.1", "9000", "8000:udp", "7000", "--wait", String(PORT), "--tries", "1"];
    const done = client([...argv, "--timeout", "300ms"]);
    expect(done.err).toContain("check the sequence and its order");
    expect(done.code).toBe(1);
  });

  test("-u sends a whole fixed sequence over UDP, as knockd's client does", async () => {
    guard("");
    const tap = await tapWire(lab, "server", "udp");
    expect(client(["-u", "10.77.0.1", "7000", "8000:tcp", "9000"])).toEqual({
      code: 0,
      out: "10.77.0.1: knock sent, without waiting for an answer\n",
      err: "",
    });
    const packets = await tap.packets();
    expect(packets.map(({ port }) => port)).toEqual([7000, 8000, 9000]);
  });

  test("warns of a link on the command line, and works", async () => {
    const slots = await presentSlots();
    guard(`tcp dport { ${slots.flatMap(portsOf).join()} } add @open4 { ip saddr }`);
    const done = client([linkTo("10.77.0.1")]);
    expect(done.err).toMatch(
      /^sallyport: a link on the command line can be seen by other users .*--save NAME"\n$/,
    );
    expect(done.out).toContain("open after");
  });

  test("--forget lets a knock go after one with a wrong clock", async () => {
    await presentSlots();
    guard("");
    client(["--save", "home"], linkTo("10.77.0.1"));
    client(["home", "--no-wait"]);
    const root = join(home, "state/sallyport/slots");
    const [folder = ""] = readdirSync(root);
    // As tomorrow's knock of the client would leave it.
    writeFileSync(
      join(root, folder, `${STEP_SECONDS}s`, String(slotAt(Date.now() + 86_400_000, STEP_SECONDS))),
      "",
    );
    const refused = client(["home", "--no-wait"]);
    expect(refused.err).toContain(
      "the last knock from here was 24 hours ahead of this computer's clock",
    );
    expect(refused.code).toBe(1);
    expect(client(["--forget", "home"])).toMatchObject({
      code: 0,
      out: "Forgot the slots used ahead of this computer's clock for ssh on 10.77.0.1\n",
    });
    expect(client(["home", "--no-wait"]).code).toBe(0);
    // The server may have believed the knocks of before, so none is sent again.
    const slots = readdirSync(join(root, folder, `${STEP_SECONDS}s`)).map(Number);
    expect(slots).toHaveLength(2);
  });

  test("says that this computer refuses to send, where the kernel tells", () => {
    const rules =
      "table ip out { chain output { type filter hook output priority 0; policy drop; }; }";
    lab.run("client", ["nft", "-f", "-"], { input: rules });
    try {
      const done = client(["-u", "10.77.0.1", "7000"]);
      expect(done.err).toMatch(
        /^sallyport: Cannot send a UDP knock to 10\.77\.0\.1: EPERM: .*its own firewall\n$/,
      );
      expect(done.code).toBe(1);
    } finally {
      lab.run("client", ["nft", "delete table ip out"]);
    }
  });

  test("says that there is no route instead of knocking into the void", () => {
    const done = client(["2001:db8::1", "7000"]);
    expect(done.err).toContain("this computer has no route to 2001:db8::1");
    expect(done.code).toBe(1);
  });
});
