/**
 * Plays machines one after the other; see scripts/test-machines:
 *
 *     bun test/machines/run.ts [--quick] [--markdown] [--only WORDS] [MACHINE…]
 *
 * Exits 0 only when every step went well. With --markdown, docs/machines.md shows the last whole run of each machine.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "../support/programs.ts";
import { MACHINES, QUICK, START, type MachineRow } from "./machines.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { imageOf } from "./image.ts";
import { type Packages, packagesFrom } from "./luggage.ts";
import { playMachine, type PlayedMachine } from "./play.ts";
import type { Arch } from "./recipe.ts";
import { renderReport } from "./report.ts";
import type { Step } from "./scene.ts";
import { knock6 } from "./steps/knocks.ts";

/** The whole run, images not counted. */
const RUN_MS = 40 * 60_000;

const ROOT = join(import.meta.dir, "../..");
const CACHE = join(ROOT, ".cache/machines");
/** The last whole run of each machine, for --markdown. */
const LAST = join(CACHE, "last.json");
const DOCS = join(ROOT, "docs/machines.md");

const words = process.argv.slice(2);
const at = words.indexOf("--only");
/** The steps that are played beside the first ones. */
const only = at === -1 ? undefined : new RegExp(words.splice(at, 2)[1] ?? "");
const quick = words.includes("--quick");
const markdown = words.includes("--markdown");
const wanted = words.filter((word) => !word.startsWith("--"));
const strange = words.find(
  (word) =>
    word !== "--quick" && word !== "--markdown" && !MACHINES.some(({ name }) => name === word),
);
if (strange !== undefined) {
  const names = MACHINES.map(({ name }) => name).join(", ");
  console.error(
    `scripts/test-machines: no machine "${strange}": write some of ${names}, --quick or --markdown, or nothing`,
  );
  process.exit(64);
}

function rows(): MachineRow[] {
  // Most servers run Debian 12.
  const names = quick && wanted.length === 0 ? ["bookworm"] : wanted;
  const chosen = MACHINES.filter(({ name }) => names.length === 0 || names.includes(name));
  return chosen.map((row) => ({ ...row, steps: stepsOf(row) }));
}

function stepsOf({ steps, ipv6 }: MachineRow): readonly Step[] {
  if (quick) return QUICK.filter((step) => ipv6 || step !== knock6);
  return only === undefined
    ? steps
    : steps.filter((step) => START.includes(step) || only.test(step.name));
}

const packages: Partial<Record<Arch, Promise<Packages>>> = {};

/** Makes the packages for a processor, once. */
function packagesOf(arch: Arch): Promise<Packages> {
  packages[arch] ??= makePackage(arch).then((present) => {
    const folder = join(CACHE, `packages-${arch}`);
    mkdirSync(folder, { recursive: true });
    return packagesFrom(present, folder, previous);
  });
  return packages[arch];
}

async function makePackage(arch: Arch): Promise<string> {
  const child = spawn([join(ROOT, "scripts/package"), "--deb", "--quick", arch], {
    stderr: "inherit",
  });
  const said = await new Response(child.stdout).text();
  // "dist/sallyport_1.0.0_amd64.deb  31000000 bytes  sha256 …", below the lines of the build
  const path = said.trim().split("\n").at(-1)?.split(" ")[0] ?? "";
  if ((await child.exited) !== 0 || !path.endsWith(".deb"))
    throw new Error(`There is no package for ${arch}: ${said}`);
  return join(ROOT, path);
}

mkdirSync(CACHE, { recursive: true });
const previous = process.env["SALLYPORT_PREVIOUS"];
if (previous !== undefined && !existsSync(previous)) throw new Error(`There is no ${previous}`);
// Images and packages are made once: their time is not that of the run.
for (const { recipe } of rows()) {
  await packagesOf(recipe.arch);
  await imageOf(recipe, CACHE);
}
const began = performance.now();
const stop = new AbortController();
setTimeout(() => stop.abort("the time of the run was over"), RUN_MS).unref();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => stop.abort(`the run was stopped by ${signal}`));
}
const machines: PlayedMachine[] = [];
const last = existsSync(LAST)
  ? (JSON.parse(readFileSync(LAST, "utf8")) as Record<string, PlayedMachine>)
  : {};
for (const row of rows()) {
  if (stop.signal.aborted) break;
  console.log(`${row.name}: ${row.title}`);
  const played = await playMachine(row, {
    cache: CACHE,
    packagesOf,
    executable: EXECUTABLE,
    signal: stop.signal,
    tell: console.log,
  });
  console.log(`    ${played.versions} (${Math.round(played.seconds)} s in all)`);
  machines.push(played);
  if (quick || only !== undefined || stop.signal.aborted) continue;
  last[row.name] = played;
  writeFileSync(LAST, JSON.stringify(last));
}
const all = machines.flatMap(({ played }) => played);
const failed = all.filter(({ failure }) => failure !== undefined).length;
if (markdown) writeFileSync(DOCS, renderReport(Object.values(last)));
console.log(
  `${all.length - failed} passed, ${failed} failed, ${Math.round((performance.now() - began) / 1_000)} s`,
);
if (stop.signal.aborted) console.error(`scripts/test-machines: ${stop.signal.reason}`);
process.exit(failed === 0 && !stop.signal.aborted ? 0 : 1);
