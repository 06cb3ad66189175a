/** The doctor's findings for given facts: every level of every check, from data. */

import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../../src/core/address.ts";
import { OpError, SallyportError } from "../../../src/core/errors.ts";
import { parseSettings } from "../../../src/config/load.ts";
import { checkEarlyPrograms, earlyPrograms } from "../../../src/doctor/early-programs.ts";
import { checkExecutable } from "../../../src/doctor/executable.ts";
import type { Findings } from "../../../src/core/finding.ts";
import { checkInterfaces } from "../../../src/doctor/interfaces.ts";
import { checkKernel } from "../../../src/doctor/kernel.ts";
import { checkKeys } from "../../../src/doctor/keys.ts";
import { checkLibraries, unlessRefused } from "../../../src/doctor/libraries.ts";
import { checkPrivileges } from "../../../src/doctor/privileges.ts";
import { checkRunning } from "../../../src/doctor/running.ts";
import { checkServices } from "../../../src/doctor/services.ts";
import { checkStateFolder } from "../../../src/doctor/state-folder.ts";
import { checkTime } from "../../../src/doctor/time.ts";
import { checkTracking } from "../../../src/doctor/tracking.ts";
import type { Link } from "../../../src/native/links.ts";

const settings = parseSettings(`
[door.ssh]
opens = ["22/tcp"]
users = ["alice", "bob"]
`);

const fixed = parseSettings(`
[door.old]
opens = ["8443/tcp"]
sequence = ["7000", "8000/udp", "9000"]
`);

/** "problem libpcap.so.1 … | install …", one string a finding. */
function said(findings: Findings): string[] {
  return findings.map(({ level, sentence, remedy }) => `${level} ${sentence} | ${remedy ?? ""}`);
}

const eth0: Link = {
  index: 2,
  name: "eth0",
  otherNames: [],
  loopback: false,
  up: true,
  carrier: true,
  addresses: [parseAddress("192.0.2.1")!],
};
const lo: Link = { ...eth0, index: 1, name: "lo", loopback: true };

const fib = {
  name: "fib",
  module: "nft_fib_inet",
  config: "CONFIG_NFT_FIB_INET",
  since: "4.10",
};
const reject = {
  name: "reject before routing",
  module: "nft_reject_inet",
  config: "CONFIG_NFT_REJECT_INET",
  since: "5.9",
};
const whole = { ...fib, name: "the guard as a whole", module: "nf_tables", since: "5.10" };

interface Case {
  readonly name: string;
  readonly findings: () => Findings;
  /** One for each finding, in order. */
  readonly expected: readonly RegExp[];
}

const executable = {
  path: "/usr/local/bin/sallyport",
  capabilities: false,
  mode: 0o100755,
  uid: 0,
};
const running = {
  socket: "/run/sallyport/control.sock",
  runs: "no" as const,
  guard: false,
  account: new SallyportError("Cannot reach sallyport at X: nobody listens there: start it"),
};
const denied = new SallyportError("Cannot reach it: only its owner may use it: be root", 77);
const services = {
  settings,
  sockets: [],
  names: new Map<string, string>(),
  published: new Set(["22/tcp"]),
  publishedInRange: [],
  daemonRuns: true,
};
const socket = (text: string, port: number, proto: "tcp" | "udp" = "tcp") => ({
  proto,
  address: parseAddress(text)!,
  port,
  inode: "77",
});
const MIB = 1_024 * 1_024;

const CASES: readonly Case[] = [
  {
    name: "checkLibraries() names version and file of each",
    findings: () =>
      checkLibraries([
        {
          name: "libmnl",
          packages: "p",
          sonames: ["libmnl.so.0"],
          found: { file: "libmnl.so.0.2" },
        },
      ]),
    expected: [/^ok Found libmnl \(libmnl\.so\.0\.2\)/],
  },
  {
    name: "checkLibraries() names the package of a missing one",
    findings: () =>
      checkLibraries([{ name: "libpcap", packages: "libpcap0.8", sonames: ["a.so.1", "a.so.0"] }]),
    expected: [
      /^problem a\.so\.1 or a\.so\.0 is not on this machine \| install the package libpcap0\.8/,
    ],
  },
  {
    name: "checkPrivileges() names what is lacking",
    findings: () => checkPrivileges(new Set(["CAP_NET_RAW"])),
    expected: [/^warning Runs without CAP_NET_ADMIN:/],
  },
  {
    name: "checkPrivileges() is content with both",
    findings: () => checkPrivileges(new Set(["CAP_NET_RAW", "CAP_NET_ADMIN"])),
    expected: [/^ok /],
  },
  {
    name: "checkExecutable() refuses file capabilities, setuid and setgid",
    findings: () => checkExecutable({ ...executable, capabilities: true, mode: 0o106755 }),
    expected: [
      /^problem .*file capabilities.*BUN_BE_BUN.*\| run "setcap -r/,
      /^problem .*setuid.*\| run "chmod ug-s/,
    ],
  },
  {
    name: "checkExecutable() warns of one that others may replace",
    findings: () => checkExecutable({ ...executable, mode: 0o100775 }),
    expected: [/^warning .*replaced by a user other than root/],
  },
  {
    name: "checkExecutable() warns of one that another user owns",
    findings: () => checkExecutable({ ...executable, uid: 1_000 }),
    expected: [/^warning .*replaced by a user other than root/],
  },
  {
    name: "checkExecutable() is content",
    findings: () => checkExecutable(executable),
    expected: [/^ok /],
  },
  {
    name: "checkKernel() tells a module that is missing from a kernel that is too old",
    findings: () =>
      checkKernel(
        [
          { ...fib, refusal: { by: "absence", reason: "No such file" } },
          { ...reject, refusal: { by: "absence", reason: "Operation not supported" } },
          { ...whole, refusal: { by: "absence", reason: "No such file" } },
        ],
        "5.4.0-42-generic",
      ),
    expected: [
      /^problem The kernel lacks fib: No such file \| load the module nft_fib_inet \(modprobe nft_fib_inet\), or use a kernel built with CONFIG_NFT_FIB_INET$/,
      /^problem Linux 5\.4\.0-42-generic is too old for reject before routing: Operation not supported \| use Linux 5\.9 or later$/,
    ],
  },
  {
    name: "checkKernel() says that the whole is refused where its parts are not",
    findings: () =>
      checkKernel(
        [fib, { ...whole, refusal: { by: "kernel", reason: "Invalid argument" } }],
        "6.1",
      ),
    expected: [/^problem The kernel refuses the guard as a whole: Invalid argument/],
  },
  {
    name: "checkKernel() tells a lack of privilege from one of the kernel",
    findings: () =>
      checkKernel([{ ...fib, refusal: { by: "privilege", reason: "not permitted" } }], "4.4"),
    expected: [
      /^problem The kernel does not permit this process to ask for fib: .* \| run it as root/,
    ],
  },
  {
    name: "checkKernel() blames the library once, and the kernel for nothing that the library refused",
    findings: () =>
      checkKernel(
        [
          { ...reject, refusal: { by: "library", reason: "syntax error" } },
          { ...whole, refusal: { by: "library", reason: "syntax error" } },
        ],
        "5.4.0",
      ),
    expected: [/^problem libnftables .* these rules \(reject before routing: syntax error\) \| /],
  },
  {
    name: "checkKernel() is content",
    findings: () => checkKernel([fib, reject], "4.4"),
    expected: [/^ok The kernel has all that is used: fib and reject before routing/],
  },
  {
    name: "checkKernel() says what it could not see",
    findings: () => checkKernel(undefined),
    expected: [/^warning Could not see the kernel's features.*\| run as root/],
  },
  {
    name: "checkTracking() passes a table that nobody made",
    findings: () => checkTracking(undefined),
    expected: [/^ok .*the guard will make the kernel track all traffic/],
  },
  {
    name: "checkTracking() passes a table with room",
    findings: () => checkTracking({ count: 74, max: 100 }),
    expected: [/^ok .*74 of 100/],
  },
  {
    name: "checkTracking() says that the guard alone has connections tracked",
    findings: () => checkTracking({ count: 74, max: 100 }, false, true),
    expected: [/^ok .*74 of 100 connections: only the guard makes the kernel track all traffic/],
  },
  {
    name: "checkTracking() says that the guard will, where none stands",
    findings: () => checkTracking({ count: 74, max: 100 }, false, false),
    expected: [/^ok .*74 of 100 connections: no rule needs it now, but the guard will make/],
  },
  {
    name: "checkTracking() says nothing of it where others track, too",
    findings: () => checkTracking({ count: 74, max: 100 }, true, true),
    expected: [/^ok .*74 of 100 connections \|/],
  },
  {
    name: "checkTracking() warns at three quarters",
    findings: () => checkTracking({ count: 75, max: 100 }),
    expected: [/^warning .*nf_conntrack_max=200/],
  },
  {
    name: "checkTracking() calls a table that is nearly full a problem",
    findings: () => checkTracking({ count: 95, max: 100 }),
    expected: [/^problem .*new ones are dropped/],
  },
  {
    name: "checkTracking() knows that a maximum of 0 is none",
    findings: () => checkTracking({ count: 95, max: 0 }),
    expected: [/^ok .*any number of/],
  },
  {
    name: "checkInterfaces() is content with any interface that is up",
    findings: () =>
      checkInterfaces({ wanted: ["any"], links: [lo, eth0, { ...eth0, name: "eth1", up: false }] }),
    expected: [/^ok Knocks can arrive at eth0 /],
  },
  {
    name: "checkInterfaces() warns of one that is missing while another hears",
    findings: () => checkInterfaces({ wanted: ["eth0", "wg0"], links: [lo, eth0] }),
    expected: [/^warning The interface wg0 does not exist: this machine has eth0 /, /^ok .*eth0/],
  },
  {
    name: "checkInterfaces() knows an interface by its other name",
    findings: () =>
      checkInterfaces({ wanted: ["uplink"], links: [lo, { ...eth0, otherNames: ["uplink"] }] }),
    expected: [/^ok Knocks can arrive at eth0 /],
  },
  {
    name: "checkInterfaces() calls it a problem when none hears",
    findings: () => checkInterfaces({ wanted: ["eth0"], links: [lo, { ...eth0, up: false }] }),
    expected: [/^problem The interface eth0 is down \| run "ip link set eth0 up"/],
  },
  {
    name: "checkInterfaces() tells no carrier and no address apart",
    findings: () =>
      checkInterfaces({
        wanted: ["eth0", "eth1"],
        links: [
          { ...eth0, carrier: false },
          { ...eth0, name: "eth1", addresses: [] },
        ],
      }),
    expected: [/^problem .*nothing is connected.*\| connect it/, /^problem .*eth1 has no address/],
  },
  {
    name: "checkInterfaces() knows a machine that has none",
    findings: () => checkInterfaces({ wanted: ["any"], links: [lo] }),
    expected: [/^problem This machine has no interface but lo/],
  },
  {
    name: "checkTime() passes a synchronised clock and says how right it is",
    findings: () =>
      checkTime({ kernel: { synchronised: true, maxErrorMs: 12.5 }, timesync: false }, settings),
    expected: [/^ok The clock is synchronised, right within 13ms/],
  },
  {
    name: "checkTime() warns of one that nobody steers, with how far it may be off",
    findings: () =>
      checkTime({ kernel: { synchronised: false, maxErrorMs: 16_000 }, timesync: false }, settings),
    expected: [/^warning .*no time service runs.*more than 30 s \| start one/],
  },
  {
    name: "checkTime() names the daemon that has not succeeded",
    findings: () =>
      checkTime(
        { kernel: { synchronised: false, maxErrorMs: 9 }, timesync: false, daemon: "chronyd" },
        settings,
      ),
    expected: [/^warning .*chronyd runs.*\| see whether it reaches/],
  },
  {
    name: "checkTime() does not care where no door rotates",
    findings: () =>
      checkTime({ kernel: { synchronised: false, maxErrorMs: 9 }, timesync: false }, fixed),
    expected: [/^ok No door rotates/],
  },
  {
    name: "checkKeys() calls a door that nobody can open a problem, once",
    findings: () => checkKeys([], settings),
    expected: [
      /^problem Nobody can open door\.ssh.*\| run "sallyport user add alice"/,
      /^warning bob has no key \| run "sallyport user add bob"/,
    ],
  },
  {
    name: "checkKeys() passes on why a file is not trusted",
    findings: () =>
      checkKeys(new SallyportError("Cannot trust k: others may read it", 78), settings),
    expected: [/^problem Cannot trust k: others may read it \|/],
  },
  {
    name: "checkKeys() says when it may not look",
    findings: () => checkKeys(new SallyportError("Cannot read k: EACCES", 77), settings),
    expected: [/^warning Could not see the keys in \/var\/lib\/sallyport\/keys\.toml/],
  },
  {
    name: "checkKeys() needs none for fixed doors",
    findings: () => checkKeys([], fixed),
    expected: [/^ok No door/],
  },
  {
    name: "checkStateFolder() refuses a file and a read-only disk",
    findings: () => [
      ...checkStateFolder({ path: "/s", kind: "other" }),
      ...checkStateFolder({ path: "/s", kind: "folder", refusal: "EROFS", freeBytes: MIB }),
    ],
    expected: [/^problem \/s is no folder/, /^problem .*read-only/],
  },
  {
    name: "checkStateFolder() warns of a full disk, a missing folder, and what it may not see",
    findings: () => [
      ...checkStateFolder({ path: "/s", kind: "folder", freeBytes: 2_048 }),
      ...checkStateFolder({ path: "/s", kind: "missing", freeBytes: 64 * MIB }),
      ...checkStateFolder({ path: "/s", kind: "folder", refusal: "EACCES" }),
      ...checkStateFolder({ path: "/s", kind: "hidden" }),
    ],
    expected: [
      /^warning .*2 KiB left/,
      /^warning .*does not exist yet/,
      /^warning Could not see whether/,
      /^warning Could not see \/s/,
    ],
  },
  {
    name: "checkStateFolder() is content",
    findings: () => checkStateFolder({ path: "/s", kind: "folder", freeBytes: 64 * MIB }),
    expected: [/^ok \/s can be written/],
  },
  {
    name: "checkServices() names who listens where knocks arrive, and leaves loopback alone",
    findings: () =>
      checkServices({
        ...services,
        sockets: [
          socket("0.0.0.0", 22_022),
          socket("127.0.0.1", 22_023),
          socket("::", 22_024, "udp"),
        ],
        names: new Map([["77", "sshd (pid 9)"]]),
      }),
    expected: [
      /^warning sshd \(pid 9\) listens on 22022\/tcp, inside the knock range 20000-52767\/tcp.* \| .*range = "22025-54792" in \[knock\], which holds none/,
    ],
  },
  {
    name: "checkServices() names what other tables publish there, and once what a proxy listens on as well",
    findings: () =>
      checkServices({
        ...services,
        publishedInRange: [
          { proto: "tcp", from: 32_768, to: 32_768 },
          { proto: "tcp", from: 40_000, to: 40_010 },
        ],
        sockets: [socket("0.0.0.0", 32_768)],
        names: new Map([["77", "docker-proxy (pid 9)"]]),
      }),
    expected: [
      /^warning docker-proxy \(pid 9\) listens on 32768\/tcp, inside .* \| move the service, or write range = "40011-65535" in/,
      /^warning Another table publishes 40000-40010\/tcp, inside the knock range 20000-52767\/tcp: a knock there reaches/,
    ],
  },
  {
    name: "checkServices() says when a door leads nowhere",
    findings: () =>
      checkServices({ ...services, published: new Set(), sockets: [socket("127.0.0.1", 22)] }),
    expected: [/^warning Nothing listens on 22\/tcp, which door\.ssh opens/],
  },
  {
    name: "checkServices() finds the health listener's port taken before a start",
    findings: () =>
      checkServices({ ...services, daemonRuns: false, sockets: [socket("0.0.0.0", 7_878)] }),
    expected: [/^problem Another process listens on 7878\/tcp already/],
  },
  {
    name: "checkServices() is content with a service behind each door",
    findings: () =>
      checkServices({ ...services, published: new Set(), sockets: [socket("::", 22)] }),
    expected: [/^ok /],
  },
  {
    name: "checkRunning() is content with a daemon that is ready",
    findings: () =>
      checkRunning({ ...running, account: { ready: true, notices: [], reasons: [] } }),
    expected: [/^ok The daemon answers on \/run/],
  },
  {
    name: "checkRunning() passes on why it is not ready; starting passes by itself",
    findings: () =>
      checkRunning({
        ...running,
        account: {
          ready: false,
          notices: [],
          reasons: [
            { code: "starting", message: "The guard is not up yet" },
            { code: "capture", message: "m", detail: "Not listening on eth7" },
          ],
        },
      }),
    expected: [/^warning .*guard is not up yet/, /^problem .*Not listening on eth7/],
  },
  {
    name: "checkRunning() passes on what the daemon notices although it is ready",
    findings: () =>
      checkRunning({
        ...running,
        account: { ready: true, reasons: [], notices: ["Keys changed: run sallyport reload"] },
      }),
    expected: [/^ok The daemon answers/, /^warning Keys changed/],
  },
  {
    name: "checkRunning() knows a daemon that does not answer, one it may not ask, and that it may not look",
    findings: () => [
      ...checkRunning({ ...running, runs: "yes" }),
      ...checkRunning({ ...running, runs: "yes", account: denied }),
      ...checkRunning({ ...running, runs: "unseen" }),
    ],
    expected: [
      /^problem A daemon guards this machine and does not answer/,
      /^warning Could not see whether a daemon runs/,
      /^warning Could not see whether a daemon runs/,
    ],
  },
  {
    name: "checkRunning() calls a guard without a daemon a problem, and neither a warning",
    findings: () => [...checkRunning({ ...running, guard: true }), ...checkRunning(running)],
    expected: [/^problem The guard is up and no daemon listens/, /^warning No daemon runs/],
  },
  {
    name: "checkEarlyPrograms() names each program, and what it could not see",
    findings: () =>
      checkEarlyPrograms({
        programs: earlyPrograms([lo, { ...eth0, xdp: "driver" }], {
          filters: (index) => (index === 2 ? ["u32"] : []),
          tcx: (index) => (index === 2 ? 1 : 0),
        }),
        tcxSeen: false,
      }),
    expected: [/XDP \(driver\)/, /tc u32/, /eth0.*tcx/, /^warning Could not see tcx/],
  },
];

describe("the doctor's checks", () => {
  test.each(CASES.map((one) => [one.name, one] as const))("%s", (_, { findings, expected }) => {
    const sentences = said(findings());
    expect(sentences).toHaveLength(expected.length);
    for (const [i, pattern] of expected.entries()) expect(sentences[i]).toMatch(pattern);
  });

  test("every finding that is not well says what to do, and none ends with a full stop", () => {
    for (const { level, sentence, remedy } of CASES.flatMap(({ findings }) => findings())) {
      expect(level === "ok").toBe(remedy === undefined);
      expect(`${sentence}${remedy ?? ""}`).not.toMatch(/\.$/);
    }
  });
});

test("the library's version is left out where the kernel refuses it a socket, and no other error is hidden", () => {
  const refused = new OpError({
    operation: "open",
    object: "a netlink socket (netfilter)",
    detail: "EPROTONOSUPPORT",
    code: 93,
    remedy: "",
  });
  const throwing = (error: Error) => () => {
    throw error;
  };
  expect(unlessRefused(() => "1.0.6")).toBe("1.0.6");
  expect(unlessRefused(throwing(refused))).toBeUndefined();
  expect(() => unlessRefused(throwing(new TypeError("a bug")))).toThrow("a bug");
});
