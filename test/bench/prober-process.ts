/** The prober as the bench sees it: openings in, instants out. */

import type { Lab } from "../support/lab.ts";
import { frame, ipv4, tcp } from "../support/frames.ts";
import { LinkType } from "../../src/core/link-type.ts";
import { linesOf } from "../support/lines.ts";
import type { Opening } from "./contestant.ts";
import type { ProbeAnswer, ProbeOrder } from "./probe.ts";
import { AS_SENDER } from "./processors.ts";
import { spawn } from "../support/programs.ts";

const PROBER = new URL("prober.ts", import.meta.url).pathname;
const SERVER = "10.77.0.1";

/**
 * Between two knocks: sallyport's own client sends its 16 SYNs within half a millisecond, and all
 * contestants get the same gap. A shorter one helps no peer: the last knock starts the clock.
 */
export const GAP_US = 25;
const EVERY_US = 50;

/** The terms of the openings; each option names its default. */
export type ProbeOptions = Partial<Omit<ProbeOrder, "openings">>;

const DEFAULTS: Omit<ProbeOrder, "openings"> = {
  gapUs: GAP_US,
  everyUs: EVERY_US,
  patienceMs: 2_000,
  restMs: [20, 60],
  load: null,
  leadMs: 0,
};

/** A SYN as long as those a kernel sends; the prober gives it source ports. */
export function probeSyn({ source, port, knocks }: Opening): string {
  const destination = knocks[0]!.slice(0, 6);
  const packet = ipv4(source, SERVER, tcp(port));
  return frame(LinkType.ethernet, packet, { destination }).toBase64();
}

export class Prober implements Disposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #lines: AsyncIterator<string>;
  readonly #ready: Promise<unknown>;

  constructor(lab: Lab) {
    const inNamespace = ["ip", "netns", "exec", lab.namespace("client")];
    this.#child = spawn([...inNamespace, ...AS_SENDER, process.execPath, PROBER, "eth0"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#lines = linesOf(this.#child.stdout);
    this.#ready = this.#line();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done !== true) return value;
    const said = await new Response(this.#child.stderr).text();
    await this.#child.exited;
    const { signalCode, exitCode } = this.#child;
    throw new Error(`The prober ended (${signalCode ?? exitCode}): ${said}`);
  }

  /** Sends these openings one after the other; one order at a time. */
  async open(openings: readonly Opening[], options: ProbeOptions = {}): Promise<ProbeAnswer> {
    await this.#ready;
    const order: ProbeOrder = {
      ...DEFAULTS,
      ...options,
      openings: openings.map((opening) => ({
        source: opening.source,
        knocks: opening.knocks.map((knock) => knock.toBase64()),
        completes: opening.completes,
        syn: probeSyn(opening),
      })),
    };
    void this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    await this.#child.stdin.flush();
    return JSON.parse(await this.#line()) as ProbeAnswer;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
