/** The table of a run in the form of docs/torture.md. */

import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import type { Finding, Peer, Trial } from "./trial.ts";

export interface Row {
  readonly trial: Trial;
  readonly finding: Finding;
  readonly peers: Partial<Record<Peer, Finding>>;
  /** The finding of the full run, where the attack was played again after it. */
  readonly first?: string;
}

/** The promise of each number, in the order of the table. */
export const PROMISES: Readonly<Record<string, string>> = {
  P1: "Unforgeable",
  P2: "Scan-proof",
  P3: "One-time",
  P4: "Memory survives",
  P5: "Clock-safe",
  P6: "Skew",
  P7: "Bad networks",
  P8: "Noisy neighbour",
  P9: "Forged packets harm nobody",
  P10: "Sniff and race",
  P11: "Crowd",
  P12: "Neighbour behind the same NAT",
  P13: "Ends by itself",
  P14: "Guard outlives the daemon",
  P15: "Nothing shows",
  P16: "Self-repair",
  P17: "Atomic reload",
  P18: "Full sets",
  P19: "Renewal",
  P20: "Published and forwarded",
  P21: "Foreign firewall",
  P22: "Parser",
  P23: "Secrets",
  P24: "Overload is visible",
  P25: "Bad config",
  P26: "Commands",
  P27: "One daemon",
  P28: "Nobody is locked out by a mistake",
  P29: "Terms may change",
  P30: "Ends are counted by owner",
  P31: "What is owed is done",
  P32: "A crowd at one listener takes nothing from another",
  P33: "The service's user gains nothing over root",
  P34: "Stalled or gone log",
};

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function verdict({ trial, finding }: Row): string {
  if (finding.held) return "held";
  return trial.awaits === undefined ? "**broken**" : `**not yet**: ${trial.awaits}`;
}

function told({ finding, first }: Row): string {
  if (first === undefined) return finding.measured;
  return `${finding.measured} (played again; in the full run: ${first})`;
}

function line(row: Row): string {
  const { trial } = row;
  const promise = `${trial.promise} ${PROMISES[trial.promise] ?? ""}`;
  return `| ${[promise, trial.attack, told(row), verdict(row)].map(cell).join(" | ")} |`;
}

function peerLines({ trial, peers }: Row): string[] {
  return Object.entries(peers).map(([peer, { measured }]) => {
    return `| ${[trial.promise, trial.attack, peer, measured].map(cell).join(" | ")} |`;
  });
}

/** The whole document; `seconds` is how long the run took. */
export function renderReport(rows: readonly Row[], seconds: number): string {
  const held = rows.filter(({ finding }) => finding.held).length;
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? "0";
  const peers = rows.flatMap(peerLines);
  return `# The torture suite

What sallyport promises, the attack that tests each promise, and what was measured. \`scripts/torture\` plays all of it
against the compiled executable in network namespaces and writes this file; nothing here is written by hand.

${held} of ${rows.length} attacks found the promise held, in ${Math.round(seconds / 60)} minutes on ${cpus().length} cores, ${Math.round(Number(memory) / 1_048_576)} GiB, Linux ${release().split("-")[0]}.

| promise | attack | measured | verdict |
|---|---|---|---|
${rows.map(line).join("\n")}
${
  peers.length === 0
    ? ""
    : `
## The same attacks on others

knockd 0.8 and fwknop 2.6.10 as Debian 12 ships them, in the same namespaces, with the configuration their manuals show;
the trials are in \`test/torture/\`, so that everybody can repeat them.

| promise | attack | who | measured |
|---|---|---|---|
${peers.join("\n")}
`
}`;
}
