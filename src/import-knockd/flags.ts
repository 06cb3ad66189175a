/**
 * `TCPFlags`: the packets that knockd counts, and whether sallyport, which counts connection
 * attempts, hears them.
 */

import { upperCase } from "./read-lines.ts";

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const;
type Flag = (typeof FLAGS)[number];

/** true: must be set; false: must be clear; absent: either. */
export type Flags = Readonly<Partial<Record<Flag, boolean>>>;

/**
 * The flags as knockd reads them; blanks inside are refused like there. Undefined where knockd
 * would not start.
 */
export function readFlags(value: string): Flags | undefined {
  const flags: Partial<Record<Flag, boolean>> = {};
  for (const word of upperCase(value).split(",")) {
    const name = word.replace(/^!/, "") as Flag;
    if (!FLAGS.includes(name)) return undefined;
    flags[name] = !word.startsWith("!");
  }
  return flags;
}

/**
 * How the packets heard by sallyport differ; undefined where every packet of a connection attempt
 * counts in both.
 */
export function flagsDifference(flags: Flags): string | undefined {
  const needed = FLAGS.filter((flag) => flags[flag] === true && flag !== "SYN");
  if (needed.length > 0 || flags.SYN === false) {
    return "sallyport counts connection attempts alone, packets with SYN and neither FIN, RST nor ACK: a client that makes others must send those";
  }
  return undefined;
}
