/**
 * The one place where tests start programs: for a missing one the error names its package, for a
 * failed one it has its output.
 */

import type { SpawnOptions, Subprocess, SyncSubprocess } from "bun";

/** The Debian package of each program that tests start; scripts/setup installs them with --test, or with --machines. */
export const PACKAGE_OF: Readonly<Record<string, string>> = {
  ansible: "ansible-core",
  bash: "bash",
  busybox: "busybox",
  cat: "coreutils",
  chroot: "coreutils",
  chromium: "chromium",
  chmod: "coreutils",
  conntrack: "conntrack",
  cp: "coreutils",
  curl: "curl",
  dash: "dash",
  debootstrap: "debootstrap",
  df: "coreutils",
  "dpkg-deb": "dpkg",
  env: "coreutils",
  find: "findutils",
  fish: "fish",
  fwknop: "fwknop-client",
  fwknopd: "fwknop-server",
  id: "coreutils",
  ip: "iproute2",
  iptables: "iptables",
  "iptables-legacy": "iptables",
  "iptables-nft": "iptables",
  knock: "knockd",
  knockd: "knockd",
  man: "man-db",
  mcs: "mono-mcs",
  "mkfs.ext4": "e2fsprogs",
  mkfifo: "coreutils",
  mono: "mono-runtime",
  mount: "mount",
  nsenter: "util-linux",
  nc: "netcat-openbsd",
  nft: "nftables",
  nice: "coreutils",
  nmap: "nmap",
  node: "nodejs",
  ping: "iputils-ping",
  plink: "putty-tools",
  prlimit: "util-linux",
  puttygen: "putty-tools",
  "qemu-system-aarch64": "qemu-system-arm",
  "qemu-system-x86_64": "qemu-system-x86",
  python3: "python3",
  openssl: "openssl",
  rsync: "rsync",
  scp: "openssh-client",
  setpriv: "util-linux",
  sh: "dash",
  shasum: "perl",
  shellcheck: "shellcheck",
  sleep: "coreutils",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  sshd: "openssh-server",
  su: "util-linux",
  sysctl: "procps",
  "systemd-analyze": "systemd",
  "systemd-sysusers": "systemd",
  taskset: "util-linux",
  tcpdump: "tcpdump",
  timeout: "coreutils",
  umount: "mount",
  unshare: "util-linux",
  zsh: "zsh",
};

/** A program that should end is not waited for longer than this. */
const PATIENCE_MS = 60_000;

/** The end of a program that ran. */
export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A program started by `ip netns exec NAME` or `unshare … --` counts too. */
function programsOf(argv: readonly string[]): string[] {
  const [first = ""] = argv;
  const inNetwork = argv.slice(1, 3).join(" ") === "netns exec";
  const unshared = first === "unshare" && argv.includes("--");
  const rest = inNetwork ? argv.slice(4) : unshared ? argv.slice(argv.indexOf("--") + 1) : [];
  return rest.length === 0 ? [first] : [first, ...programsOf(rest)];
}

function need(argv: readonly string[]): void {
  for (const program of programsOf(argv)) {
    if (Bun.which(program) !== null) continue;
    const found = PACKAGE_OF[program];
    throw new Error(
      found === undefined
        ? `There is no program ${program} on PATH: add its package to scripts/setup and to test/support/programs.ts`
        : `There is no program ${program} on PATH: scripts/setup --test (or --machines) installs its package ${found}`,
    );
  }
}

/**
 * `Bun.spawn` of an existing program; for a missing one, throws an error that names its package.
 */
export function spawn<
  const In extends SpawnOptions.Writable = "ignore",
  const Out extends SpawnOptions.Readable = "pipe",
  const Err extends SpawnOptions.Readable = "inherit",
>(
  argv: readonly string[],
  options?: SpawnOptions.SpawnOptions<In, Out, Err>,
): Subprocess<In, Out, Err> {
  need(argv);
  return Bun.spawn([...argv], options);
}

/** `Bun.spawnSync` in the same way. */
export function spawnSync<
  const In extends SpawnOptions.Writable = "ignore",
  const Out extends SpawnOptions.Readable = "pipe",
  const Err extends SpawnOptions.Readable = "pipe",
>(
  argv: readonly string[],
  options?: SpawnOptions.SpawnSyncOptions<In, Out, Err>,
): SyncSubprocess<Out, Err> {
  need(argv);
  return Bun.spawnSync([...argv], options);
}

/** Runs a program to its end; throws with its output when it fails, unless `mayFail`. */
export function run(
  argv: readonly string[],
  options: {
    readonly mayFail?: boolean;
    readonly input?: string;
    readonly cwd?: string;
    readonly env?: Record<string, string | undefined>;
  } = {},
): Finished {
  need(argv);
  const { mayFail, input, ...where } = options;
  const done = Bun.spawnSync([...argv], {
    stdin: input === undefined ? "ignore" : Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: PATIENCE_MS,
    ...where,
  });
  const { exitCode, stdout, stderr } = done;
  const end = { code: exitCode ?? -1, out: stdout.toString(), err: stderr.toString() };
  if (end.code !== 0 && mayFail !== true) throw failure(argv, end);
  return end;
}

/** Waits until a program with pipes has ended in order; throws with its output otherwise. */
export async function finished(
  child: Pick<Subprocess<"ignore", "pipe", "pipe">, "exited" | "pid" | "stderr">,
): Promise<void> {
  const [code, err] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw failure([`process ${child.pid}`], { code, out: "", err });
}

function failure(argv: readonly string[], { code, out, err }: Finished): Error {
  return new Error(`${argv.join(" ")} exited with ${code}: ${err}${out}`);
}
