/** Turns what nft printed into one sentence: what failed, on which line, and what would help. */

import { ExitCode, OpError } from "../core/errors.ts";

/** What a rule needs of the kernel, where "No such file or directory" is all that nft says. */
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

/** `output` is what nft wrote: "Error: reason", the line it is about, and a line of carets. */
export function nftError(operation: string, object: string, output: string): OpError {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const first = lines.findIndex((line) => line.includes("Error:"));
  const reason = (lines[first] ?? lines[0] ?? "no reason given")
    .replace(/^.*?Error:\s*/, "")
    .trim();
  const about = (lines[first + 1] ?? "").trim();
  const detail = about === "" || about.startsWith("^") ? reason : `${reason}, at "${about}"`;
  if (/Operation not permitted|Permission denied|must be root/.test(output)) {
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
    remedy: remedyFor(operation, reason, about),
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
