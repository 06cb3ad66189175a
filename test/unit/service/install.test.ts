/** Units: their text, their paths, and that remove deletes the files of install and no others. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  GUARD_UNIT,
  guardFiles,
  install,
  preparations,
  removeGuardUnit,
  removeService,
  SERVICE_UNIT,
  serviceFiles,
  SYSUSERS,
} from "../../../src/service/install.ts";
import { guardUnit, serviceUnit } from "../../../src/service/unit.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sallyport-root-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const executable = "/usr/local/bin/sallyport";
const config = "/etc/sallyport/config.toml";
const options = () => ({ executable, config, root, user: "sallyport" });

/** Every file below the root. */
function files(): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
}

function writeConfig(text: string): void {
  mkdirSync(dirname(root + config), { recursive: true });
  writeFileSync(root + config, `${text}\n[door.ssh]\nopens = ["22/tcp"]\nusers = ["alice"]\n`);
}

describe("serviceFiles()", () => {
  const unitOf = (user = "sallyport") =>
    serviceFiles({ ...options(), user }).find(({ path }) => path === SERVICE_UNIT)!.text;

  test("names the executable, the configuration, the user and systemd's own folders", () => {
    const unit = unitOf();
    for (const line of [
      "Type=notify",
      "ExecStart=/usr/local/bin/sallyport serve --config /etc/sallyport/config.toml",
      "ExecReload=/usr/local/bin/sallyport reload",
      "User=sallyport",
      "StateDirectory=sallyport",
      "RuntimeDirectory=sallyport",
      "Restart=always",
      "KillMode=process",
      "AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN",
      "CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN",
    ]) {
      expect(unit.split("\n")).toContain(line);
    }
    expect(unit).toMatch(/^WatchdogSec=\d+$/m);
    // SIGABRT, the usual one, makes the runtime report a crash.
    expect(unit).toMatch(/^WatchdogSignal=SIGQUIT$/m);
    expect(unit).toMatch(/^UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN$/m);
    expect(unit).not.toMatch(/^MemoryDenyWriteExecute=/m);
  });

  test("follows the paths of the configuration", () => {
    writeConfig('[server]\nstate_dir = "/srv/sally port"\n[api]\nsocket = "/run/a/b/c.sock"');
    const lines = unitOf().split("\n");
    expect(lines).toContain('ReadWritePaths="-/srv/sally port"');
    expect(lines).toContain("RuntimeDirectory=a/b");
    // A path with a blank is one word: parted, "chown -R" would give away /srv/sally.
    expect(preparations(options()).slice(1)).toEqual([
      ["install", "-d", "-m", "0700", "-o", "sallyport", "-g", "sallyport", "/srv/sally port"],
      ["chown", "-R", "sallyport:", "/srv/sally port"],
    ]);
    const user = serviceFiles(options()).find(({ path }) => path === SYSUSERS)!.text;
    expect(user).toContain('u sallyport - "sallyport daemon" "/srv/sally port" -\n');
  });

  test("says how the user comes to read a configuration that is closed to others", () => {
    writeConfig("");
    expect(preparations(options())).toEqual([["systemd-sysusers"]]);
    chmodSync(root + config, 0o600);
    expect(preparations(options())).toEqual([
      ["systemd-sysusers"],
      ["chown", "root:sallyport", config],
      ["chmod", "0640", config],
    ]);
  });

  test("makes no user for root", () => {
    const made = serviceFiles({ ...options(), user: "root" });
    expect(made.map(({ path }) => path)).toEqual([SERVICE_UNIT]);
    expect(made[0]!.text).not.toMatch(/^User=/m);
    expect(preparations({ ...options(), user: "root" })).toEqual([]);
  });

  test.each([
    [{ user: "a b" }, /--user is "a b"/],
    [{ user: "x\nExecStart=/bin/sh" }, /--user/],
    [{ executable: "/home/me/sallyport" }, /services do not see.*copy it to \/usr\/local\/bin/],
    [{ executable: "sallyport" }, /name its absolute path/],
    [{ executable: "/opt/sally port" }, /letters, digits/],
    [{ executable: "/opt/bun" }, /no compiled executable/],
    [{ config: "/etc/x\nUser=root" }, /control character/],
    [{ config: "/root/config.toml" }, /services do not see/],
  ])("refuses %p", (wrong, message) => {
    expect(() => serviceFiles({ ...options(), ...wrong })).toThrow(message);
  });

  test("refuses a configuration with a mistake", () => {
    writeConfig('[server]\nstate_dir = "here"');
    expect(() => serviceFiles(options())).toThrow(/state_dir/);
  });
});

test("serviceUnit() and guardUnit() keep what systemd would take for its own out of paths", () => {
  const plan = { executable: "/opt/s", config: '/etc/100% $a "b".toml' };
  const places = { user: "u", stateDir: "/var/lib/s", runDir: "/run/s" };
  expect(serviceUnit({ ...plan, ...places }).split("\n")).toContain(
    String.raw`ExecStart=/opt/s serve --config "/etc/100%% $$a \"b\".toml"`,
  );
  const guard = guardUnit({ ...plan, lastConfig: "/var/lib/a b/config.last.toml" });
  expect(guard).toContain(String.raw`RequiresMountsFor=/opt/s "/etc/100%% $a \"b\".toml"`);
  expect(guard).toContain(`.toml" --fallback "/var/lib/a b/config.last.toml"\n`);
});

test("units give a slow machine minutes, as a guard that is ended before it stands leaves the ports open", () => {
  const daemon = serviceFiles({ ...options(), user: "root" }).find(
    ({ path }) => path === SERVICE_UNIT,
  )!;
  const guard = guardUnit({ executable, config, lastConfig: "/var/lib/s/config.last.toml" });
  for (const unit of [daemon.text, guard]) {
    expect(Number(/^TimeoutStartSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThanOrEqual(180);
  }
});

describe("install()", () => {
  test("writes what remove takes away, and again over its own", () => {
    expect(install(serviceFiles(options()), root)).toEqual([root + SYSUSERS, root + SERVICE_UNIT]);
    expect(install(guardFiles(options()), root)).toEqual([root + GUARD_UNIT]);
    install(serviceFiles({ ...options(), user: "other" }), root);
    expect(readFileSync(root + SERVICE_UNIT, "utf8")).toContain("User=other");
    expect(statSync(root + SERVICE_UNIT).mode & 0o777).toBe(0o644);
    expect(files()).toEqual([GUARD_UNIT, SERVICE_UNIT, SYSUSERS].sort());
    expect(removeService(root).sort()).toEqual([root + SERVICE_UNIT, root + SYSUSERS].sort());
    expect(removeGuardUnit(root)).toEqual([root + GUARD_UNIT]);
    expect(files()).toEqual([]);
    expect(removeService(root)).toEqual([]);
  });

  test("leaves a unit alone that it did not write, and writes none of the others", () => {
    mkdirSync(dirname(root + SERVICE_UNIT), { recursive: true });
    writeFileSync(root + SERVICE_UNIT, "[Service]\n");
    expect(() => install(serviceFiles(options()), root)).toThrow(/sallyport did not write it/);
    expect(() => removeService(root)).toThrow(/Cannot remove .*sallyport\.service/);
    expect(existsSync(root + SYSUSERS)).toBe(false);
    expect(readFileSync(root + SERVICE_UNIT, "utf8")).toBe("[Service]\n");
  });

  test("leaves a unit alone that somebody changed", () => {
    install(serviceFiles(options()), root);
    appendFileSync(root + SERVICE_UNIT, "Nice=5\n");
    expect(() => install(serviceFiles(options()), root)).toThrow(/changed it by hand.*\.d\//);
    expect(() => removeService(root)).toThrow(/changed it by hand/);
    expect(files()).toEqual([SERVICE_UNIT, SYSUSERS].sort());
  });

  test("removes no unit that is enabled", () => {
    install(guardFiles(options()), root);
    const link = `${root}/etc/systemd/system/sysinit.target.wants/sallyport-guard.service`;
    mkdirSync(dirname(link));
    symlinkSync(GUARD_UNIT, link);
    expect(() => removeGuardUnit(root)).toThrow(/systemctl disable --now sallyport-guard/);
    rmSync(link);
    expect(removeGuardUnit(root)).toEqual([root + GUARD_UNIT]);
  });
});
