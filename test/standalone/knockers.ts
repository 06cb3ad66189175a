/** The clients that are one file: how a test starts each, with folders of its own. */

import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const FOLDER = resolve(import.meta.dir, "../../src/standalone");

export interface Knocker {
  /** As a test's name says it. */
  readonly name: string;
  /** What it calls itself in its messages. */
  readonly self: string;
  /** Its words before the arguments, behind `env` and its assignments. */
  readonly argv: readonly string[];
  readonly sendsUdp: boolean;
}

export function fileOf(name: string): string {
  return `${FOLDER}/${name}`;
}

/** What a system like OpenWrt has. */
const BUSYBOX_PROGRAMS =
  "busybox ash cat date getent head ip ls mkdir mktemp mv nc ping rm sha256sum sleep stty tr".split(
    " ",
  );

/** A folder of its own with these programs and no other, for PATH. */
export function programsFolder(names: readonly string[]): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "sallyport-path-"));
  for (const name of names) symlinkSync(Bun.which(name)!, join(path, name));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** The programs of busybox alone. */
function busyboxFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-path-"));
  for (const name of BUSYBOX_PROGRAMS) symlinkSync("/bin/busybox", join(folder, name));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const SHELL_FILE = fileOf("sallyport-knock.sh");

/** Nothing but busybox, as on a small router. */
const BUSYBOX = ["env", `PATH=${busyboxFolder()}`, "busybox", "ash"];

function shell(name: string, argv: readonly string[], hearsUdp: boolean): Knocker {
  const words = [...argv.slice(0, argv.indexOf("--")), SHELL_FILE];
  const options = argv.slice(argv.indexOf("--") + 1);
  return { name, self: "sallyport-knock.sh", argv: [...words, ...options], sendsUdp: hearsUdp };
}

const PYTHON: Knocker = {
  name: "sallyport_knock.py",
  self: "sallyport_knock.py",
  argv: ["python3", "-B", fileOf("sallyport_knock.py")],
  sendsUdp: true,
};

const DASH = shell("sallyport-knock.sh in dash", ["dash", "--"], true);

/** One of each file: what they say does not depend on the shell. */
export const FILES: readonly Knocker[] = [PYTHON, DASH];

/** Every way to send. */
export const KNOCKERS: readonly Knocker[] = [
  ...FILES,
  shell("sallyport-knock.sh in bash with nc", ["bash", "--", "--with", "nc"], true),
  shell("sallyport-knock.sh in busybox alone", [...BUSYBOX, "--"], false),
  shell("sallyport-knock.sh in dash with curl", ["dash", "--", "--with", "curl"], false),
  shell("sallyport-knock.sh in bash with nmap", ["bash", "--", "--with", "nmap"], false),
];

/** The words of a knock whose files are all below `home`. */
export function knockWords(knocker: Knocker, home: string, ...argv: string[]): string[] {
  return [
    "env",
    `XDG_CONFIG_HOME=${home}/config`,
    `XDG_STATE_HOME=${home}/state`,
    ...knocker.argv,
    ...argv,
  ];
}
