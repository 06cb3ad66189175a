/** The doctor's collectors against the kernel: links, programs on them, sockets, files, the clock. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { formatAddress } from "../../../src/core/address.ts";
import { readEarly } from "../../../src/doctor/early-programs.ts";
import { checkExecutable, readExecutable } from "../../../src/doctor/executable.ts";
import { readLibraries } from "../../../src/doctor/libraries.ts";
import { processNames, readListening } from "../../../src/doctor/sockets.ts";
import { readStateFolder } from "../../../src/doctor/state-folder.ts";
import { claimGuard, isGuarding } from "../../../src/control-plane/guard/guard-lock.ts";
import { clockStatus } from "../../../src/native/clock-status.ts";
import { hasFileCapabilities } from "../../../src/native/file-capabilities.ts";
import { readLinks } from "../../../src/native/links.ts";
import { findLibrary } from "../../../src/native/needed-libraries.ts";
import { inside } from "../../support/inside.ts";
import { Lab } from "../../support/lab.ts";
import { asNobody } from "../../support/nobody.ts";
import { run } from "../../support/programs.ts";
import { startEcho } from "../../support/service.ts";

let lab: Lab;
const folder = mkdtempSync(join(tmpdir(), "sallyport-doctor-"));

beforeAll(() => {
  lab = new Lab();
}, 30_000);
afterAll(() => {
  lab[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

function onServer<T>(fn: () => T): T {
  return inside(lab.namespace("server"), fn);
}

/**
 * Loads a program that lets every packet pass and attaches it for as long as the process lives:
 * argv: program type, attach type (linux/bpf.h), interface.
 */
const ATTACH = `
import ctypes, os, platform, socket, struct, sys, time
kind, attach, device = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
NR = 280 if platform.machine() == "aarch64" else 321
libc = ctypes.CDLL(None, use_errno=True)
def bpf(command, attributes):
    memory = ctypes.create_string_buffer(attributes.ljust(128, b"\\0"), 128)
    fd = libc.syscall(NR, command, memory, 128)
    if fd < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd
PASS = 2 if kind == 6 else 0
code = ctypes.create_string_buffer(struct.pack("<BBhi", 0xb7, 0, 0, PASS) + struct.pack("<BBhi", 0x95, 0, 0, 0))
license = ctypes.create_string_buffer(b"GPL")
program = bpf(5, struct.pack("<IIQQ", kind, 2, ctypes.addressof(code), ctypes.addressof(license)))
link = bpf(28, struct.pack("<IIII", program, socket.if_nametoindex(device), attach, 0))
print("attached", flush=True)
time.sleep(60)
`;

/** linux/bpf.h */
const XDP = ["6", "37"] as const; // BPF_PROG_TYPE_XDP, BPF_XDP
const TCX = ["3", "46"] as const; // BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS

async function attach([kind, type]: readonly [string, string], device: string) {
  const child = lab.start("server", ["python3", "-c", ATTACH, kind, type, device]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error(await new Response(child.stderr).text());
  return child;
}

describe("readLinks()", () => {
  afterEach(() => lab.run("server", ["ip", "link", "delete", "br7"], { mayFail: true }));

  test("reads names, states, kinds and addresses of both families", () => {
    lab.run("server", ["ip", "link", "add", "br7", "type", "bridge"]);
    const links = new Map(onServer(readLinks).map((link) => [link.name, link]));
    expect([...links.keys()].sort()).toEqual(["br7", "ctr0", "eth0", "lo"]);
    expect(links.get("lo")).toMatchObject({ index: 1, loopback: true, up: true });
    expect(links.get("br7")).toMatchObject({ kind: "bridge", up: false, addresses: [] });
    const eth0 = links.get("eth0")!;
    expect(eth0).toMatchObject({ kind: "veth", loopback: false, up: true, carrier: true });
    expect(eth0.xdp).toBeUndefined();
    expect(eth0.addresses.map(formatAddress)).toEqual(
      expect.arrayContaining(["10.77.0.1", "fd77::1"]),
    );
  });

  test("reads alternative names, in the order in which they were given", () => {
    lab.run("server", ["ip", "link", "add", "br7", "type", "bridge"]);
    for (const name of ["uplink", "enp65s0f0np0v15d1"]) {
      lab.run("server", `ip link property add dev br7 altname ${name}`.split(" "));
    }
    const others = new Map(onServer(readLinks).map(({ name, otherNames }) => [name, otherNames]));
    expect(others.get("br7")).toEqual(["uplink", "enp65s0f0np0v15d1"]);
    expect(others.get("eth0")).toEqual([]);
  });

  test("agrees with the host's own list", () => {
    const names = run(["sh", "-c", "ls /sys/class/net"]).out.trim().split(/\s+/).sort();
    expect(
      readLinks()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(names);
  });
});

describe("readEarly()", () => {
  const early = () => onServer(() => readEarly(readLinks()));

  test("sees nothing where nothing is", () => {
    expect(early()).toEqual({ programs: [], tcxSeen: true });
  });

  test("sees an XDP program", async () => {
    const child = await attach(XDP, "eth0");
    expect(early().programs).toEqual([{ link: "eth0", what: expect.stringContaining("XDP (") }]);
    child.kill();
    await child.exited;
    expect(early().programs).toEqual([]);
  }, 20_000);

  test("sees a tcx program", async () => {
    const child = await attach(TCX, "ctr0");
    expect(early().programs).toEqual([{ link: "ctr0", what: "tcx" }]);
    child.kill();
    await child.exited;
  }, 20_000);

  test.each(["clsact", "ingress"])("sees a filter at the qdisc %s", (qdisc) => {
    lab.run("server", ["tc", "qdisc", "add", "dev", "eth0", qdisc]);
    const match = ["u32", "match", "ip", "dport", "22", "0xffff", "flowid", "1:1"];
    const to = ["dev", "eth0", "ingress", "protocol", "ip"];
    lab.run("server", ["tc", "filter", "add", ...to, ...match]);
    expect(early().programs).toEqual([{ link: "eth0", what: "tc u32" }]);
    lab.run("server", ["tc", "qdisc", "delete", "dev", "eth0", qdisc]);
  });
});

describe("readListening()", () => {
  test("finds a service of this namespace and the name of its process", async () => {
    await startEcho(lab, "server", 22_022);
    const sockets = onServer(readListening).filter(({ port }) => port === 22_022);
    expect(sockets).toMatchObject([{ proto: "tcp", port: 22_022 }]);
    expect(formatAddress(sockets[0]!.address)).toBe("::");
    const names = processNames(new Set(sockets.map(({ inode }) => inode)));
    expect([...names.values()]).toEqual([expect.stringMatching(/^python3 \(pid \d+\)$/)]);
  }, 20_000);
});

describe("readExecutable()", () => {
  const file = join(folder, "program");

  function make(...command: string[]) {
    rmSync(file, { force: true });
    copyFileSync("/bin/true", file);
    chmodSync(file, 0o755);
    if (command.length > 0) run([...command, file]);
    return checkExecutable(readExecutable(file)).map(
      ({ level, sentence }) => `${level} ${sentence}`,
    );
  }

  test("finds what setcap gave", () => {
    expect(hasFileCapabilities("/bin/true")).toBe(false);
    expect(make("setcap", "cap_net_admin+ep")).toEqual([
      expect.stringMatching(/^problem .*has file capabilities/),
    ]);
    expect(hasFileCapabilities(file)).toBe(true);
  });

  test("finds what chmod gave", () => {
    expect(make("chmod", "u+s")).toEqual([expect.stringMatching(/^problem .*is setuid/)]);
  });

  test("is content with a plain one of root", () => {
    expect(make()).toEqual([expect.stringMatching(/^ok /)]);
  });
});

describe("readStateFolder()", () => {
  test("tells a folder, a file and nothing apart", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(readStateFolder(folder)).toMatchObject({
      kind: "folder",
      freeBytes: expect.any(Number),
    });
    expect(readStateFolder(file)).toMatchObject({ kind: "other" });
    expect(readStateFolder(join(folder, "a", "b"))).toMatchObject({ kind: "missing" });
    expect(readStateFolder(folder).refusal).toBeUndefined();
  });

  test("names the file that is in the place of a folder above", () => {
    const file = join(folder, "file-above");
    writeFileSync(file, "");
    expect(readStateFolder(join(file, "a", "b"))).toEqual({ path: file, kind: "other" });
  });

  test("says that it may not look, however deep below a hidden folder", () => {
    const hidden = join(folder, "hidden");
    mkdirSync(hidden, { mode: 0o700 });
    chmodSync(folder, 0o755);
    const facts = asNobody(() => readStateFolder(join(hidden, "a", "b")));
    expect(facts).toMatchObject({ kind: "hidden" });
  });

  test("says that a disk is read-only, to root too", () => {
    const source = resolve(import.meta.dir, "../../../src/doctor/state-folder.ts");
    const script = `import { readStateFolder } from "${source}"; console.log(readStateFolder("${folder}").refusal)`;
    // A mount of its own, which only this process sees.
    const mount = `mount -t tmpfs -o ro none "${folder}" && exec "$@"`;
    const bun = ["sh", "-c", mount, "sh", process.execPath, "-e", script];
    expect(run(["unshare", "--mount", ...bun]).out.trim()).toBe("EROFS");
  });
});

test("readLibraries() finds all four, and libpcap's own version", () => {
  const found = new Map(readLibraries().map((library) => [library.name, library.found]));
  expect([...found.keys()]).toEqual(["libpcap", "libnftables", "libnftnl", "libmnl"]);
  expect(found.get("libpcap")).toEqual({
    file: expect.stringMatching(/^\/.*\/libpcap\.so\./),
    version: expect.stringMatching(/^1\.\d+/),
  });
  const nft = run(["nft", "--version"]).out;
  expect(nft).toContain(found.get("libnftables")!.version!);
  expect(found.get("libnftnl")!.file).toMatch(/\/libnftnl\.so\.11\.\d/);
});

test("findLibrary() answers nothing for a library that is not there", () => {
  expect(findLibrary({ sonames: ["libsallyport-none.so.1"], packages: "none" })).toBeUndefined();
});

test("clockStatus() says what the kernel says", () => {
  const { synchronised, maxErrorMs } = clockStatus();
  const said = run(["python3", "-c", ADJTIMEX]).out.trim().split(" ");
  expect(String(synchronised)).toBe(said[0]!);
  expect(Math.abs(maxErrorMs - Number(said[1]))).toBeLessThan(1_000);
});

/** The same question from another language; struct timex as in sys/timex.h. */
const ADJTIMEX = `
import ctypes, struct
t = ctypes.create_string_buffer(208)
ctypes.CDLL(None).adjtimex(t)
modes, offset, freq, maxerror, esterror, status = struct.unpack_from("<Ixxxxqqqqi", t)
print("false" if status & 0x40 else "true", maxerror / 1000)
`;

test("isGuarding() sees the lock that a daemon holds in this namespace, and only there", () => {
  expect(onServer(isGuarding)).toBe("no");
  using held = onServer(() => claimGuard());
  expect(held).toBeDefined();
  expect(onServer(isGuarding)).toBe("yes");
  expect(inside(lab.namespace("client"), isGuarding)).toBe("no");
});
