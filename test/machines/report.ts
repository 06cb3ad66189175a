/** The tables of a run, as docs/machines.md shows them. */

import { cpus } from "node:os";
import { MACHINES, type MachineRow } from "./machines.ts";
import type { Played, PlayedMachine } from "./play.ts";

/** A machine and its last run, if any, in the order of the table. */
type Pair = readonly [row: MachineRow, run: PlayedMachine | undefined];

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", "; ");
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(" | ")} |`;
}

function failures(played: readonly Played[]): number {
  return played.filter(({ failure }) => failure !== undefined).length;
}

function verdictOf(row: MachineRow, { played }: PlayedMachine): string {
  const failed = failures(played);
  const went = `${played.length - failed} of ${row.steps.length}`;
  return failed === 0 ? went : `${went}, **${failed} failed**`;
}

function machineLine([row, run]: Pair): string {
  const { arch, processor, megabytes } = row.hardware;
  const facts =
    run === undefined
      ? ["", "not played yet", ""]
      : [run.versions, verdictOf(row, run), `${Math.round(run.seconds)} s`];
  return line([`\`${row.name}\``, row.title, `${arch}, ${processor}, ${megabytes} MB`, ...facts]);
}

function stepLine(step: string, pairs: readonly Pair[]): string {
  const cells = pairs.map(([row, run]) => {
    const one = run?.played.find((candidate) => candidate.step === step);
    if (one === undefined) return row.steps.some(({ name }) => name === step) ? "–" : "";
    return one.failure === undefined ? `${Math.round(one.seconds)} s` : "**failed**";
  });
  return line([step, ...cells]);
}

function saidLines([{ name }, run]: Pair): string[] {
  return (run?.played ?? []).flatMap(({ step, said }) =>
    said === undefined ? [] : [line([`\`${name}\``, step, said])],
  );
}

/** The run of a machine, without steps that it has no more. */
function lastRun(row: MachineRow, machines: readonly PlayedMachine[]): PlayedMachine | undefined {
  const run = machines.find(({ name }) => name === row.name);
  if (run === undefined) return undefined;
  return {
    ...run,
    played: run.played.filter(({ step }) => row.steps.some(({ name }) => name === step)),
  };
}

/** The whole document, of the machines that were played. */
export function renderReport(machines: readonly PlayedMachine[]): string {
  const pairs = MACHINES.map((row): Pair => [row, lastRun(row, machines)]);
  const all = pairs.flatMap(([, run]) => run?.played ?? []);
  const steps = new Set(MACHINES.flatMap((row) => row.steps.map(({ name }) => name)));
  const minutes = Math.round(machines.reduce((sum, { seconds }) => sum + seconds, 0) / 60);
  return `# Machines

\`scripts/test-machines --markdown\` boots whole machines, one after the other, and writes this file; nothing here is written by hand. Each
is a minimal Debian with systemd and its own kernel, run by qemu in a network of its own. It gets the package and is then knocked at,
rebooted, crashed, misconfigured and flushed.

${all.length - failures(all)} of ${all.length} steps went well, in ${minutes} minutes on ${cpus().length} cores. Processors are emulated: everything takes some ten times as long as on a
real one. A time is that of the whole step, pauses included.

## The machines

| | machine | hardware | kernel and libraries | steps that went well | time |
|---|---|---|---|---|---|
${pairs.map(machineLine).join("\n")}

\`scripts/test-machines NAME\` plays one of them, \`scripts/test-machines --quick\` the essentials of Debian 12 in less than five minutes.

## The steps

Every machine shows that it boots, installs, guards and opens. The other steps are spread. Those about the kernel (other firewalls, links) are played
on each kernel, those about a processor, a missing IPv6 or little memory on the machine that has it. The rest is the same
everywhere and played once or twice. A dash is a step that waits for its next run. A machine whose last free page is taken is not played: an emulated
one reads its programs from the disk for a minute then, and the watchdog restarts the daemon, while the guard stays.

${line(["step", ...pairs.map(([{ name }]) => name)])}
|${"---|".repeat(pairs.length + 1)}
${[...steps].map((step) => stepLine(step, pairs)).join("\n")}

## Details

| machine | step | seen |
|---|---|---|
${pairs.flatMap(saidLines).join("\n")}
`;
}
