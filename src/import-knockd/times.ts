/** knockd's whole seconds as durations of config.toml, within the limits of a door. */

import { quote } from "../config/mistake.ts";
import { formatDuration } from "../core/duration.ts";
import { atoi } from "./numbers.ts";
import type { Setting } from "./read-file.ts";
import { different, type Remark, same } from "./verdicts.ts";

export interface Time {
  readonly ms: number;
  readonly remarks: readonly Remark[];
}

/** knockd's own default, which its manual does not mention. */
export const KNOCKD_SEQUENCE_MS = 25_000;
const KNOCKD_COMMAND_MS = 10_000;
const MOST_SEQUENCE_MS = 600_000;
const MOST_OPEN_MS = 30 * 86_400_000;

function readSeconds({ value }: Setting): Time {
  const { value: seconds, rest } = atoi(value);
  const odd = rest !== "" && !rest.startsWith("#");
  return {
    ms: seconds * 1_000,
    remarks: odd ? [different(`knockd reads ${quote(value)} as ${seconds} seconds`)] : [],
  };
}

function within({ ms, remarks }: Time, key: string, most: number): Time {
  const kept = Math.min(Math.max(ms, 1_000), most);
  if (kept === ms) return { ms, remarks: [...remarks, same(`${key} = "${formatDuration(ms)}"`)] };
  const limit = `${key} is "${formatDuration(kept)}", the ${kept < ms ? "most" : "least"} that a door may have`;
  return { ms: kept, remarks: [...remarks, different(limit)] };
}

/** `Seq_Timeout` of a sequence of several knocks. */
export function sequenceTime(setting: Setting | undefined): Time {
  if (setting === undefined) return { ms: KNOCKD_SEQUENCE_MS, remarks: [] };
  const read = readSeconds(setting);
  if (read.ms <= 0) {
    const never = `with it nobody could ever finish the knock in knockd: sequence_timeout is "15s"`;
    return { ms: 15_000, remarks: [...read.remarks, different(never)] };
  }
  return within(read, "sequence_timeout", MOST_SEQUENCE_MS);
}

/** `Cmd_Timeout`, or the pause in a command. */
export function openTime(setting: Setting | undefined): Time {
  if (setting === undefined) return { ms: KNOCKD_COMMAND_MS, remarks: [] };
  return within(readSeconds(setting), "open_for", MOST_OPEN_MS);
}

/** A time within the limits of `open_for`. */
export function openForMs(ms: number): number {
  return Math.min(Math.max(Math.round(ms / 1_000) * 1_000, 1_000), MOST_OPEN_MS);
}
