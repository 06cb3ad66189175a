/**
 * The units of the compiled executable: systemd's opinion of them, and that the daemon lives in
 * their sandbox.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { probe, startEcho } from "../support/service.ts";

const LIMIT_MS = 60_000;
const root = mkdtempSync(join(tmpdir(), "sallyport-units-"));
const units = join(root, "etc/systemd/system");
afterAll(() => rmSync(root, { recursive: true, force: true }));

function sallyport(...argv: string[]) {
  return run([EXECUTABLE, ...argv, "--root", root], { mayFail: true });
}

/** Values of a setting in the unit of the service, in order. */
function setting(name: string): string[] {
  return readFileSync(join(units, "sallyport.service"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

beforeAll(() => {
  // An existing program, because systemd checks; a service would not see the executable where it is
  // here.
  const place = ["--executable", "/bin/true"];
  expect(sallyport("service", "install", ...place)).toMatchObject({ code: 0, err: "" });
  expect(sallyport("firewall", "install", ...place)).toMatchObject({ code: 0, err: "" });
});

describe("service install", () => {
  test("--print shows what it would write, and writes nothing", () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "sallyport-units-"));
    const shown = run([
      EXECUTABLE,
      "service",
      "install",
      "--print",
      "--executable",
      "/usr/bin/sallyport",
      "--root",
      elsewhere,
    ]);
    expect(shown.out).toContain(`# ${elsewhere}/etc/systemd/system/sallyport.service\n[Unit]`);
    expect(run(["find", elsewhere, "-type", "f"]).out).toBe("");
    rmSync(elsewhere, { recursive: true });
  });

  test("refuses this executable while it stands where no service sees it", () => {
    const hidden = run([EXECUTABLE, "service", "install", "--executable", "/home/x/sallyport"], {
      mayFail: true,
    });
    expect(hidden.code).toBe(64);
    expect(hidden.err).toContain("copy it to /usr/local/bin");
  });

  test.each(["sallyport", "sallyport-guard"])("writes a unit %s that systemd accepts", (unit) => {
    // A real root beside it: the targets and services that the unit names.
    const verified = run(["systemd-analyze", "verify", "--man=no", `${units}/${unit}.service`], {
      mayFail: true,
    });
    expect(`${verified.err}${verified.out}`).not.toContain(unit);
    expect(verified.code).toBe(0);
  });

  test.each(["sallyport", "sallyport-guard"])(
    "writes a unit %s of exposure 2.5 or less",
    (unit) => {
      const { out } = run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", `${units}/${unit}.service`],
        { mayFail: true },
      );
      const [, exposure = "none"] = /Overall exposure level .*: ([\d.]+)/.exec(out) ?? [];
      expect(Number(exposure)).toBeLessThanOrEqual(2.5);
    },
  );

  test("makes a user that systemd-sysusers accepts", () => {
    const files = mkdtempSync(join(tmpdir(), "sallyport-users-"));
    mkdirSync(join(files, "etc"));
    run(["systemd-sysusers", `--root=${files}`, join(root, "etc/sysusers.d/sallyport.conf")]);
    expect(readFileSync(join(files, "etc/passwd"), "utf8")).toMatch(
      /^sallyport:x:\d+:\d+:sallyport daemon:\/var\/lib\/sallyport:\S*nologin$/m,
    );
    rmSync(files, { recursive: true });
  });
});

/**
 * Installs the unit's system call filter and its address families with libseccomp, as systemd does,
 * and becomes the rest of the arguments. Input: names, then families, as JSON in argv[1] and argv[2].
 */
const SANDBOX = `
import ctypes, json, os, socket, sys
calls, families = json.loads(sys.argv[1]), [getattr(socket, name) for name in json.loads(sys.argv[2])]
class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]
lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_init.argtypes = [ctypes.c_uint32]
lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
lib.seccomp_load.argtypes = [ctypes.c_void_p]
ALLOW, EQUAL = 0x7fff0000, 4
context = lib.seccomp_init(0x00050000 | 1) # SCMP_ACT_ERRNO(EPERM)
for name in calls:
    number = lib.seccomp_syscall_resolve_name(name.encode())
    if number < 0: continue # of another architecture
    if name != "socket":
        assert lib.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0, name
        continue
    for family in families:
        compare = Compare(0, EQUAL, family, 0)
        assert lib.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.addressof(compare)) == 0
assert lib.seccomp_load(context) == 0
os.execvp(sys.argv[3], sys.argv[3:])
`;

/** The names in a group and the groups in it: "@system-service". */
function group(name: string): string[] {
  if (!name.startsWith("@")) return [name];
  return run(["systemd-analyze", "syscall-filter", name])
    .out.split("\n")
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap(group);
}

/** What SystemCallFilter= lines allow together (systemd.exec(5)): the first is an allow list. */
function allowedCalls(): string[] {
  const allowed = new Set<string>();
  for (const line of setting("SystemCallFilter")) {
    const names = line.replace(/^~/, "").split(" ").flatMap(group);
    for (const name of names) {
      if (line.startsWith("~")) allowed.delete(name);
      else allowed.add(name);
    }
  }
  // systemd always lets a service start, whatever its filter says.
  return [...allowed, ...group("@default")];
}

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]

[door.touch]
users = ["alice"]
run = { open = ["/usr/bin/touch", "FILE"] }
`;

describe("the daemon", () => {
  let lab: Lab;
  beforeAll(() => {
    lab = new Lab();
  }, LIMIT_MS);
  afterAll(() => lab?.[Symbol.dispose]());

  test(
    "lives under the unit's system call filter, address families, user and capabilities",
    async () => {
      const asNobody = ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"];
      const capabilities = setting("AmbientCapabilities")[0]!
        .toLowerCase()
        .replaceAll("cap_", "+")
        .replaceAll(" ", ",");
      const own = ["inh", "ambient", "bounding"].flatMap((set) => [
        set === "bounding" ? "--bounding-set" : `--${set}-caps`,
        `-all,${capabilities}`,
      ]);
      const families = setting("RestrictAddressFamilies")[0]!.split(" ");
      const server = new GuardedServer(lab, DOORS, {
        as: [
          "setpriv",
          ...asNobody,
          ...own,
          "--no-new-privs",
          "/usr/bin/python3",
          "-c",
          SANDBOX,
          JSON.stringify(allowedCalls()),
          JSON.stringify(families),
        ],
      });
      const touched = join(server.dir, "run", "touched");
      server.writeConfig(DOORS.replace("FILE", touched));
      mkdirSync(join(server.dir, "run"));
      mkdirSync(join(server.dir, "state"), { mode: 0o700 });
      run(["sh", "-c", `cd "${server.dir}" && chown nobody run state && chmod 755 .`]);
      const user = ["user", "add", "alice", "--config", server.config, "--host", "10.77.0.1"];
      run(["setpriv", ...asNobody, EXECUTABLE, ...user]);
      await startEcho(lab, "server", 8080);

      await using running = await server.start();
      const status = readFileSync(`/proc/${running.pid}/status`, "utf8");
      expect(status).toMatch(/^Seccomp:\s+2$/m);
      expect(status).toMatch(/^CapEff:\s+0000000000003000$/m);
      expect(running.knock("client", running.link("alice", "web"))).toMatchObject({ code: 0 });
      expect(probe(lab, "client", "10.77.0.1", 8080)).toBe("open");
      expect(running.knock("client", running.link("alice", "touch"), "--no-wait")).toMatchObject({
        code: 0,
      });
      await running.waitForLog(/Ran \/usr\/bin\/touch/);
      const from = running.log.length;
      running.signal("SIGHUP");
      await running.waitForLog(/Reloaded/, from);
      expect(await running.stop()).toBe(0);
      expect(running.log).not.toMatch(/ error /);
    },
    LIMIT_MS,
  );

  test(
    "is not needed by firewall load: the guard stands, also when it is loaded again or refused",
    async () => {
      const server = new GuardedServer(lab, DOORS.replace("8080/tcp", "8081/tcp"));
      await startEcho(lab, "server", 8081);
      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"], { mayFail: true });
      expect(probe(lab, "client", "10.77.0.1", 8081)).toBe("open");
      const load = [EXECUTABLE, "firewall", "load", "--config", server.config];
      const loaded = lab.run("server", [
        "setpriv",
        "--bounding-set",
        "-all,+net_admin,+dac_read_search",
        "--no-new-privs",
        ...load,
      ]);
      expect(loaded.out).toContain("Guarding 8081/tcp: closed until a daemon opens doors");
      expect(probe(lab, "client", "10.77.0.1", 8081)).toBe("refused");
      // Again beside the existing files: it changes nothing.
      lab.run("server", load);
      expect(probe(lab, "client", "10.77.0.1", 8081)).toBe("refused");
      writeFileSync(server.config, "[door.web]\nopens = 5\n");
      const refused = lab.run("server", load, { mayFail: true });
      expect(refused.code).toBe(78);
      expect(refused.err).toContain("door.web.opens");
      expect(probe(lab, "client", "10.77.0.1", 8081)).toBe("refused");
      await server[Symbol.asyncDispose]();
    },
    LIMIT_MS,
  );

  test(
    "has firewall load go on with a probation, so that a boot without a daemon locks nobody out",
    async () => {
      await using server = new GuardedServer(lab, DOORS.replace("8080", "8083"), {
        users: ["alice"],
      });
      await startEcho(lab, "server", 8083);
      await server.start(["--arm", "10s"]);
      await server.stop("SIGKILL");
      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
      const load = () =>
        lab.run("server", [EXECUTABLE, "firewall", "load", "--config", server.config]).out;
      expect(load()).toMatch(
        /^Guarding 8083\/tcp on probation: .*, or the ports open again in \d+s\n$/,
      );
      expect(probe(lab, "client", "10.77.0.1", 8083)).toBe("refused");
      const guarded = lab.run("server", ["nft", "list", "set", "inet", "sallyport", "guarded"]).out;
      expect(guarded).toMatch(/8083 .*expires \d/);
      writeFileSync(join(server.dir, "state", "probation"), `${Date.now() - 1}\n`);
      expect(load()).toStartWith("Guarding no port: nobody confirmed the probation in time: ");
      expect(probe(lab, "client", "10.77.0.1", 8083)).toBe("open");
    },
    LIMIT_MS,
  );

  test(
    "leaves a configuration behind by which firewall load guards when the one of the boot is broken",
    async () => {
      await using server = new GuardedServer(lab, DOORS.replace("8080", "8082"), {
        users: ["alice"],
      });
      await startEcho(lab, "server", 8082);
      await server.start();
      writeFileSync(server.config, "[door.web]\nopens = 5\n");
      await server.stop();
      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
      expect(probe(lab, "client", "10.77.0.1", 8082)).toBe("open");
      const load = [EXECUTABLE, "firewall", "load", "--config", server.config, "--fallback"];
      const last = join(server.dir, "state", "config.last.toml");
      const loaded = lab.run("server", [...load, last], { mayFail: true });
      expect(loaded.code).toBe(78);
      expect(loaded.err).toContain("door.web.opens");
      expect(loaded.err).toContain("Guarding 8082/tcp all the same");
      expect(probe(lab, "client", "10.77.0.1", 8082)).toBe("refused");

      lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
      writeFileSync(last, "broken too");
      const refused = lab.run("server", [...load, last], { mayFail: true });
      expect(refused.code).toBe(78);
      expect(refused.err).toContain("Nor could the one that worked last be loaded");
      expect(probe(lab, "client", "10.77.0.1", 8082)).toBe("open");
      const none = lab.run("server", [...load, "/nowhere"], { mayFail: true });
      expect(none).toMatchObject({ code: 78 });
      expect(none.err).not.toContain("Nor could");
    },
    LIMIT_MS,
  );
});
