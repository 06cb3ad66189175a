/** What `sallyport agent` is told on its command line, and the command line that tells it. */

import { KNOCK_DEFAULTS } from "../client/knock.ts";
import { DEFAULT_PLACE, formatForward, formatPlace } from "../client/places.ts";
import type { Forward, Place } from "../client/places.ts";
import { formatDuration } from "../core/duration.ts";
import type { KnockSettings } from "./knock-options.ts";

export interface AgentSettings extends KnockSettings {
  readonly listen: Place | false;
  readonly forward: readonly Forward[];
  /** Milliseconds. */
  readonly keep?: number | undefined;
  readonly share?: true | undefined;
}

function listenWords(listen: Place | false): string[] {
  if (listen === false) return ["--no-listen"];
  const isDefault = formatPlace(listen) === formatPlace(DEFAULT_PLACE);
  return isDefault ? [] : ["--listen", formatPlace(listen)];
}

/** The words behind the program that start the same agent again. */
export function agentWords(names: readonly string[], settings: AgentSettings): string[] {
  const { listen, forward, keep, share, ipv4, ipv6, delay, tries, timeout, verbose } = settings;
  return [
    "agent",
    ...names,
    ...listenWords(listen),
    ...forward.flatMap((one) => ["--forward", formatForward(one)]),
    ...(keep === undefined ? [] : ["--keep", formatDuration(keep)]),
    ...(share === undefined ? [] : ["--share"]),
    ...(ipv4 === undefined ? [] : ["--ipv4"]),
    ...(ipv6 === undefined ? [] : ["--ipv6"]),
    ...(delay === undefined ? [] : ["--delay", `${delay}`]),
    ...(tries === KNOCK_DEFAULTS.tries ? [] : ["--tries", `${tries}`]),
    ...(timeout === KNOCK_DEFAULTS.timeoutMs ? [] : ["--timeout", formatDuration(timeout)]),
    ...(verbose === undefined ? [] : ["--verbose"]),
  ];
}
