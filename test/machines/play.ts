/** Plays the steps of one machine, one after the other. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "./client.ts";
import { imageOf } from "./image.ts";
import { packLuggage, type Packages } from "./luggage.ts";
import { Machine } from "./machine.ts";
import type { MachineRow } from "./machines.ts";
import { Network } from "./network.ts";
import type { Arch } from "./recipe.ts";
import { installsPrevious } from "./steps/install.ts";
import { Scene, type Step } from "./scene.ts";

export interface Played {
  /** The name of the step. */
  readonly step: string;
  readonly seconds: number;
  /** The reason why it failed; undefined where it went well. */
  readonly failure?: string;
  readonly said?: string;
}

export interface PlayedMachine {
  /** As the table of machines has it. */
  readonly name: string;
  readonly played: readonly Played[];
  readonly seconds: number;
  /** Kernel, C library, libpcap, libnftables: as the machine names them. */
  readonly versions: string;
}

export interface PlayOptions {
  /** The folder of the images, and of the last serial log of each machine. */
  readonly cache: string;
  /** The packages for a processor. */
  readonly packagesOf: (arch: Arch) => Promise<Packages>;
  /** The compiled executable for this computer, for whoever knocks. */
  readonly executable: string;
  /** Ends the step that is played, and the machine: its time is over, or somebody stopped the run. */
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

const VERSIONS = String.raw`echo "$(uname -r), glibc $(ldd --version | sed -n '1s/.* //p'), $(
  dpkg-query -W -f '${"$"}{db:Status-Abbrev} ${"$"}{Package} ${"$"}{Version}\n' |
    sed -nE 's/^ii +libpcap0.8(t64)? /libpcap /p; s/^ii +libnftables1 /libnftables /p' | paste -sd, | sed 's/,/, /g')"`;

/** Seconds since `began`, which is of `performance.now()`. */
function since(began: number): number {
  return (performance.now() - began) / 1_000;
}

export async function playMachine(row: MachineRow, options: PlayOptions): Promise<PlayedMachine> {
  const { cache, packagesOf, executable, signal, tell } = options;
  const image = await imageOf(row.recipe, cache);
  const folder = join(cache, `run-${process.pid}`);
  const home = join(folder, "home");
  mkdirSync(home, { recursive: true });
  const began = performance.now();
  const played: Played[] = [];
  let versions = "";
  try {
    const packages = await packagesOf(row.recipe.arch);
    const luggage = packLuggage(packages, folder, row.steps.includes(installsPrevious));
    using network = new Network(home);
    const { hardware } = row;
    await using machine = new Machine({ image, hardware, network, luggage, folder });
    const client = new Client(network, executable, image.key, home);
    const families = row.ipv6 ? ([4, 6] as const) : ([4] as const);
    const scene = new Scene({ machine, client, network, families });
    for (const step of row.steps) {
      if (signal.aborted) break;
      const one = await playStep(step, scene, signal);
      played.push(one);
      tell(lineOf(one));
      // A machine that does not boot or has nothing installed has nothing else to tell.
      if (one.failure !== undefined && played.length <= ESSENTIAL) break;
      if (versions === "" && one.failure === undefined) versions = await machine.run(VERSIONS);
    }
    writeFileSync(join(cache, `${row.name}.log`), machine.serialLog);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { name: row.name, played, seconds: since(began), versions };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error(String(signal.reason))), {
      once: true,
    });
  });
}

/** A whole journal would hide the steps around it. */
const MOST_TEXT = 2_000;

/** The machine's own account of a failure. */
const AROUND = `date; sallyport status; sallyport why 10.79.0.1 | tail -n 12; ip -brief address
systemctl --no-pager --failed; journalctl -b -u sallyport -u sallyport-guard --no-pager -n 20`;

/** Boot, installation and start come first everywhere. */
const ESSENTIAL = 4;

async function playStep(step: Step, scene: Scene, signal: AbortSignal): Promise<Played> {
  const began = performance.now();
  try {
    const said = await Promise.race([step.play(scene), aborted(signal)]);
    return { step: step.name, seconds: since(began), ...(said !== undefined && { said }) };
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MOST_TEXT);
    const around = signal.aborted
      ? ""
      : await scene.machine.run(AROUND, { mayFail: true }).catch(String);
    return { step: step.name, seconds: since(began), failure: `${message}\n${around}` };
  }
}

function lineOf({ step, seconds, failure, said }: Played): string {
  const time = `(${Math.round(seconds)} s)`;
  if (failure !== undefined)
    return `FAILED: ${step} ${time}\n    ${failure.replaceAll("\n", "\n    ")}`;
  return `ok: ${step} ${time}${said === undefined ? "" : `\n    ${said.replaceAll("\n", "; ")}`}`;
}
