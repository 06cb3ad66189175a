/**
 * A host of a lab with a real systemd: process 1 of namespaces of its own, on a copy of this
 * machine's root that is gone afterwards. Units are installed, enabled and started as on a server.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "./executable.ts";
import type { Host, Lab } from "./lab.ts";
import { run, spawn } from "./programs.ts";

/** The hierarchies in which systemd keeps groups of processes: this machine's, of either version. */
function controlGroups(): string[] {
  return readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , type, options = ""]) => type === "cgroup2" || options.includes("name=systemd"))
    .map(([, path = ""]) => path);
}

/** $1: an empty folder. $2: the executable. The others: groups to enter before anything else. */
const BOOT = `
set -e
folder=$1 executable=$2
shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
if [ -d /sys/fs/cgroup/systemd ]; then
  mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
else
  mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
for place in run tmp; do mount -t tmpfs tmpfs "$place"; done
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
# Nothing of an installation of this machine's own.
rm -rf etc/sallyport var/lib/sallyport etc/systemd/system/sallyport* etc/systemd/system/*/sallyport*
touch usr/local/bin/sallyport
mount --bind "$executable" usr/local/bin/sallyport
exec chroot . env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target
`;

export class BootedHost implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "sallyport-booted-"));
  readonly #groups = controlGroups().map((path) => join(path, `sallyport-${process.pid}`));
  readonly #child: Bun.Subprocess;
  #init = 0;

  private constructor(lab: Lab, host: Host) {
    for (const group of this.#groups) mkdirSync(group, { recursive: true });
    const enter = this.#groups.map((group) => `echo $$ > ${group}/cgroup.procs; `).join("");
    const namespaces = "--mount --pid --uts --ipc --cgroup --fork --kill-child".split(" ");
    this.#child = spawn(
      [
        ...["sh", "-c", `${enter}exec "$@"`, "sh"],
        ...["ip", "netns", "exec", lab.namespace(host), "unshare", ...namespaces],
        ...["bash", "-c", BOOT, "bash", this.#folder, EXECUTABLE],
      ],
      { stdout: "ignore", stderr: "ignore" },
    );
  }

  /** Resolves when its basic.target is reached. */
  static async boot(lab: Lab, host: Host = "server"): Promise<BootedHost> {
    const booted = new BootedHost(lab, host);
    try {
      await booted.#reach();
    } catch (error) {
      await booted[Symbol.asyncDispose]();
      throw error;
    }
    return booted;
  }

  async #reach(): Promise<void> {
    const { pid } = this.#child;
    const end = Date.now() + 60_000;
    for (;;) {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
      this.#init = Number(children.split(" ")[0]);
      // Before process 1 is systemd, systemctl says nothing, and that it is content.
      const state = this.#init === 0 ? "" : this.#stateOf("basic.target");
      if (state === "active") return;
      if (this.#child.exitCode !== null || Date.now() > end) {
        throw new Error(`systemd did not get to basic.target: ${state}`);
      }
      await Bun.sleep(50);
    }
  }

  #stateOf(unit: string): string {
    return this.run(["systemctl", "is-active", unit], { mayFail: true }).out.trim();
  }

  /** Runs a command in it to its end. */
  run(argv: readonly string[], options: { mayFail?: boolean; input?: string } = {}) {
    return run([...this.inside(), ...argv], options);
  }

  /** The beginning of a command line that runs there. */
  inside(): string[] {
    const enter = `nsenter -t ${this.#init} -m -p -u -i -C -n`.split(" ");
    const environment = ["HOME=/root", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
    return [...enter, "chroot", `${this.#folder}/root`, "env", "-i", ...environment];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    // With process 1 its whole tree ends, and its mounts with their namespace; it takes a moment.
    for (const place of [this.#folder, ...this.#groups]) await removed(place);
  }
}

async function removed(folder: string): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      // Groups inside it were systemd's.
      run(["find", folder, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], { mayFail: true });
      rmdirSync(folder);
      return;
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return;
      if (i === 100) throw error;
      await Bun.sleep(50);
    }
  }
}
