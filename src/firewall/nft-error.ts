/** Turns the output of nft into one sentence: what failed, on which line, and what would help. */

import { ExitCode, OpError } from "../core/errors.ts";
import { isOlderVersion } from "../core/older-version.ts";
import { libnftablesVersion, OLDEST_LIBNFTABLES } from "../native/libnftables.ts";

/** The kernel features that a rule needs, for when nft only says "No such file or directory". */
const FEATURES: readonly (readonly [needle: RegExp, feature: string])[] = [
  [/\bfib\b/, "nft_fib_inet (CONFIG_NFT_FIB_INET)"],
  [/\breject with\b/, "nft_reject_inet (CONFIG_NFT_REJECT_INET)"],
  [/\bjhash\b/, "nft_hash (CONFIG_NFT_HASH)"],
  [/\bct state\b/, "nft_ct (CONFIG_NFT_CT, CONFIG_NF_CONNTRACK)"],
  [/\bhook prerouting\b/, "inet tables (CONFIG_NF_TABLES_INET)"],
  [
    /\bupdate @|\badd @|\bdelete @/,
    "sets changed by packets (CONFIG_NF_TABLES, kernel 5.6 or later)",
  ],
  [/\btable\b/, "nf_tables (CONFIG_NF_TABLES)"],
];

const MISSING = /No such file or directory|Operation not supported|Protocol not supported/;
/**
 * Words of the kernel, which the library only passes on, and the library's words for things that it
 * does not find.
 */
const OF_THE_KERNEL =
  /^Could not (?:process|receive)|^Unable to|^cache initialization failed|^netlink|File exists/;
/** EINVAL: an older kernel refuses with it what it does not know. */
const NOT_KNOWN = /Invalid argument/;

/**
 * Who refused. "library": it does not know these words. "privilege": the kernel does not permit it.
 * "absence": the kernel lacks a part (a module, or an option it was built without). "kernel": it
 * gave another reason.
 */
export type RefusedBy = "library" | "privilege" | "absence" | "kernel";

export interface Refusal {
  readonly by: RefusedBy;
  /** In nft's words, without the text around them. */
  readonly reason: string;
}

/**
 * `output` is the text that nft printed: "Error: reason", the offending line, and a line of carets.
 */
export function refusalOf(output: string): Refusal {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const first = lines.findIndex((line) => line.includes("Error:"));
  const reason = (lines[first] ?? lines[0] ?? "no reason given")
    .replace(/^.*?Error:\s*/, "")
    .trim();
  return { by: refusedBy(output, reason), reason };
}

/** Whether the same commands may be taken a moment later. */
export function mayPass({ by }: Refusal): boolean {
  return by === "kernel" || by === "absence";
}

/**
 * Whether library or kernel lack something that the commands need. Otherwise the kernel could not at
 * that moment (ENOMEM, ENOBUFS, EAGAIN), or the commands contradict what is there.
 */
export function isLasting({ by, reason }: Refusal): boolean {
  return by === "library" || by === "absence" || NOT_KNOWN.test(reason);
}

function refusedBy(output: string, reason: string): RefusedBy {
  if (/Operation not permitted|Permission denied|must be root/.test(output)) return "privilege";
  if (MISSING.test(reason)) return "absence";
  return OF_THE_KERNEL.test(reason) ? "kernel" : "library";
}

/**
 * For a refusal that `refusalOf` puts down to the library, of commands that are entirely ours.
 * Reads the library's version.
 */
export function oldLibrary(reason: string): { readonly detail: string; readonly remedy: string } {
  const version = libnftablesVersion() ?? "of this machine";
  if (isOlderVersion(version, OLDEST_LIBNFTABLES)) {
    return {
      detail: `libnftables ${version} is too old for these rules (${reason})`,
      remedy: `install libnftables ${OLDEST_LIBNFTABLES} or later`,
    };
  }
  return {
    detail: `libnftables ${version} does not understand these rules (${reason})`,
    remedy: `use a version nearer to ${OLDEST_LIBNFTABLES}, and report this one`,
  };
}

/** A rule may be a map of many entries. */
const MOST_QUOTED = 120;

/** The operation whose commands are entirely ours: a library that does not understand them is too old. */
const OURS = "load";

/**
 * One sentence about `output`, read like `refusalOf` does; `command` is the offending one, where it
 * is known.
 */
export function nftError(operation: string, object: string, output: string, command = ""): OpError {
  const { by, reason } = refusalOf(output);
  const about = command.length > MOST_QUOTED ? `${command.slice(0, MOST_QUOTED)}…` : command;
  if (by === "library" && operation === OURS) {
    const said = about === "" ? reason : `${reason}, at "${about}"`;
    return new OpError({ operation, object, code: 0, ...oldLibrary(said) });
  }
  const detail = about === "" ? reason : `${reason}, at "${about}"`;
  if (by === "privilege") {
    return new OpError({
      operation,
      object,
      detail: "the kernel does not permit it",
      code: 1,
      remedy: "run as root or with the capability CAP_NET_ADMIN",
      exitCode: ExitCode.privilege,
    });
  }
  return new OpError({
    operation,
    object,
    detail,
    code: 0,
    remedy: remedyFor(operation, reason, command),
  });
}

function remedyFor(operation: string, reason: string, about: string): string {
  if (operation === "show") return "start `sallyport serve`, which loads it";
  const feature = FEATURES.find(([needle]) => needle.test(about))?.[1];
  if (MISSING.test(reason) && feature !== undefined) {
    return `use a kernel that has ${feature}, or load that module`;
  }
  if (/File exists/.test(reason)) {
    return "remove the table of another version first with `sallyport firewall remove`";
  }
  return "run `sallyport doctor` to see what this machine lacks";
}
