/** The clients of one file: how a test starts each, with folders of its own. */

import { test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "../../support/programs.ts";

const FOLDER = resolve(import.meta.dir, "../../../src/standalone");

export interface Knocker {
  /** The name in a test's title. */
  readonly name: string;
  /** Its own name in its messages. */
  readonly self: string;
  /** The words before the arguments, behind `env` and its assignments. */
  readonly argv: readonly string[];
  readonly sendsUdp: boolean;
}

export function fileOf(name: string): string {
  return `${FOLDER}/${name}`;
}

/** The programs of a system like OpenWrt. */
const BUSYBOX_PROGRAMS =
  "busybox ash cat date getent head ip ls mkdir mktemp mv nc ping rm sha256sum sleep stty tr".split(
    " ",
  );

/** A folder of its own with only these programs, for PATH. */
export function programsFolder(names: readonly string[]): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "sallyport-path-"));
  for (const name of names) symlinkSync(Bun.which(name)!, join(path, name));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** Of no commit; every file of tests uses the same, and a process of tests has no end that could clear away. */
const KEPT = resolve(import.meta.dir, "../../../.cache/knockers");

/** A folder that is the same for the same `content`, once made. */
function kept(content: string, make: (folder: string) => void): string {
  const folder = join(KEPT, Bun.hash(content).toString(16));
  if (existsSync(folder)) return folder;
  mkdirSync(KEPT, { recursive: true });
  const draft = mkdtempSync(join(KEPT, "draft-"));
  make(draft);
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true });
    // Another file of tests was faster.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** The programs of busybox alone. */
function busyboxFolder(): string {
  return kept(BUSYBOX_PROGRAMS.join(" "), (folder) => {
    for (const name of BUSYBOX_PROGRAMS) symlinkSync("/bin/busybox", join(folder, name));
  });
}

const SHELL_FILE = fileOf("sallyport-knock.sh");

/** Only busybox, as on a small router. */
const BUSYBOX = ["env", `PATH=${busyboxFolder()}`, "busybox", "ash"];

function shell(name: string, argv: readonly string[], hearsUdp: boolean): Knocker {
  const words = [...argv.slice(0, argv.indexOf("--")), SHELL_FILE];
  const options = argv.slice(argv.indexOf("--") + 1);
  return { name, self: "sallyport-knock.sh", argv: [...words, ...options], sendsUdp: hearsUdp };
}

export const PYTHON: Knocker = {
  name: "sallyport_knock.py",
  self: "sallyport_knock.py",
  argv: ["python3", "-B", fileOf("sallyport_knock.py")],
  sendsUdp: true,
};

export const DASH = shell("sallyport-knock.sh in dash", ["dash", "--"], true);

/**
 * The C# of the PowerShell client, compiled with the language of PowerShell 5.1's compiler. Returns
 * the program.
 */
function compiledPowerShell(): string {
  const [, source = ""] =
    /^\$source = @'\n([^]*?)^'@$/m.exec(readFileSync(fileOf("sallyport-knock.ps1"), "utf8")) ?? [];
  const folder = kept(source + START, (draft) => {
    const sources = [join(draft, "knock.cs"), join(draft, "start.cs")];
    writeFileSync(sources[0]!, source);
    writeFileSync(sources[1]!, START);
    const out = `-out:${join(draft, "knock.exe")}`;
    run(["mcs", "-langversion:5", "-warnaserror", "-noconfig", "-r:System.dll", out, ...sources]);
  });
  return join(folder, "knock.exe");
}

/** In place of the lines of PowerShell around it; draws "key door lo hi n slot" where the first word is "vectors". */
const START = `
using System;
using Sallyport;
static class Start
{
    static int Main(string[] words)
    {
        if (words.Length == 1 && words[0] == "vectors")
        {
            for (string line; (line = Console.In.ReadLine()) != null; )
            {
                string[] term = line.Split(' ');
                byte[] key = Rks.DecodeBase32(term[0]);
                Console.WriteLine(term.Length == 2
                    ? BitConverter.ToString(Rks.ServerKey(key, term[1])).Replace("-", "").ToLowerInvariant()
                    : string.Join(" ", Rks.Ports(key, term[1], int.Parse(term[2]), int.Parse(term[3]), int.Parse(term[4]), long.Parse(term[5]))));
            }
            return 0;
        }
        Result result = Knock.Run(words);
        foreach (string line in result.Lines) Console.WriteLine(line);
        return result.Code;
    }
}`;

export const POWERSHELL: Knocker = {
  name: "sallyport-knock.ps1, its C#",
  self: "sallyport-knock.ps1",
  // Windows keeps a user's folders from others without modes.
  argv: ["sh", "-c", 'umask 077; exec mono "$0" "$@"', compiledPowerShell()],
  sendsUdp: true,
};

/** One of each file: their messages do not depend on the shell. */
export const FILES: readonly Knocker[] = [PYTHON, DASH, POWERSHELL];

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

/** `test` for the abilities of this knocker; without the ability there is no test. */
export function testIf(able: boolean): (name: string, work: () => void | Promise<void>) => void {
  return able ? (name, work) => test(name, work) : () => {};
}
