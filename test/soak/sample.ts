/** What the daemon holds at one moment, looked at from outside: memory, descriptors, kernel objects, files. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { compiledCodeOf, cpuNsOf, residentOf } from "../bench/process.ts";
import type { Lab } from "../support/lab.ts";

/** Bytes and counts. */
export interface Holdings {
  /** Of `rss`, `anonymous` and `file`, a day keeps the medians of the time since the sample before. */
  readonly rss: number;
  /** Pages of its own: heaps, stacks, buffers. */
  readonly anonymous: number;
  /** The part of `anonymous` that is code which the engine has compiled. */
  readonly compiled: number;
  /** Pages of files, the executable above all. */
  readonly file: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly rules: number;
  readonly sets: number;
  /** In all sets of the guard: grants, uses, guarded ports. */
  readonly elements: number;
  /** Connections that the kernel tracks on the server. */
  readonly tracked: number;
  /** Databases with their journals. */
  readonly databases: number;
  /** Nanoseconds since the start of the daemon. */
  readonly cpuNs: number;
}

interface Listed {
  readonly nftables: readonly {
    readonly rule?: object;
    readonly set?: { readonly elem?: readonly unknown[] };
  }[];
}

/** The table of the guard, counted; zeros in the moment in which somebody has flushed it. */
function countTable(lab: Lab): Pick<Holdings, "rules" | "sets" | "elements"> {
  const argv = ["nft", "-j", "list", "table", "inet", "sallyport"];
  const { out, code } = lab.run("server", argv, { mayFail: true });
  if (code !== 0) return { rules: 0, sets: 0, elements: 0 };
  const { nftables } = JSON.parse(out) as Listed;
  const sets = nftables.flatMap(({ set }) => (set === undefined ? [] : [set]));
  return {
    rules: nftables.filter(({ rule }) => rule !== undefined).length,
    sets: sets.length,
    elements: sets.reduce((sum, { elem = [] }) => sum + elem.length, 0),
  };
}

/** The bytes of files below `dir` that are databases, their journals included. */
function databaseBytes(dir: string): number {
  const names = readdirSync(dir).filter((name) => /\.db(-\w+)?$/.test(name));
  return names.reduce((sum, name) => {
    try {
      return sum + statSync(join(dir, name)).size;
    } catch {
      return sum; // a journal that has ended since
    }
  }, 0);
}

export function lookAt(lab: Lab, pid: number, stateDir: string): Holdings {
  const { rss, anonymous, file } = residentOf([pid]);
  const counter = "/proc/sys/net/netfilter/nf_conntrack_count";
  return {
    rss,
    anonymous,
    compiled: compiledCodeOf(pid),
    file,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    ...countTable(lab),
    tracked: Number(lab.run("server", ["cat", counter], { mayFail: true }).out),
    databases: databaseBytes(stateDir),
    cpuNs: cpuNsOf([pid]),
  };
}
