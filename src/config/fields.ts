/**
 * The kinds of values in config.toml. Every message is only the remedy ("write …"): valibot's own
 * messages quote the value, and the value may be a secret in the wrong place.
 */

import * as v from "valibot";
import { parseAddress, parsePrefix } from "../core/address.ts";
import type { Prefix } from "../core/address.ts";
import { formatDuration, parseDuration } from "../core/duration.ts";
import { parsePort, parsePortRange } from "../core/port.ts";
import type { Port, PortRange } from "../core/port.ts";
import { SPACE_LIMITS } from "../rks/space.ts";
import { isTooWide } from "./networks.ts";

interface Limits {
  readonly min: number;
  readonly max: number;
}

/**
 * Text that `pattern` describes to editors and `read` turns into a value; `remedy` is the message
 * where either refuses.
 */
export function text<T>(pattern: RegExp, remedy: string, read: (text: string) => T | undefined) {
  return v.pipe(
    v.string(remedy),
    v.regex(pattern, remedy),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      const value = read(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: remedy });
      return NEVER;
    }),
  );
}

/** A duration in milliseconds between two durations, both inclusive. */
export function duration(min: string, max: string, example: string) {
  const remedy = `write a duration such as "${example}"`;
  const least = parseDuration(min)!;
  const most = parseDuration(max)!;
  return v.pipe(
    v.string(remedy),
    v.regex(/^\d{1,9}(ms|s|m|h|d)$/, remedy),
    v.rawTransform(({ dataset, addIssue, NEVER }): number => {
      const ms = parseDuration(dataset.value);
      if (ms !== undefined && ms >= least && ms <= most) return ms;
      addIssue({ message: `write a duration from "${min}" to "${max}"` });
      return NEVER;
    }),
  );
}

/** A duration in whole seconds. */
export function seconds({ min, max }: Limits, example: string) {
  const ends = [min, max].map((end) => `"${formatDuration(end * 1_000)}"`).join(" to ");
  return v.pipe(
    v.string(`write a duration such as "${example}"`),
    v.regex(/^\d{1,9}(ms|s|m|h|d)$/, `write a duration such as "${example}"`),
    v.rawTransform(({ dataset, addIssue, NEVER }): number => {
      const value = (parseDuration(dataset.value) ?? Number.NaN) / 1_000;
      if (Number.isInteger(value) && value >= min && value <= max) return value;
      addIssue({ message: `write whole seconds from ${ends}` });
      return NEVER;
    }),
  );
}

export function integer({ min, max }: Limits) {
  const remedy = `write a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(remedy),
    v.integer(remedy),
    v.minValue(min, remedy),
    v.maxValue(max, remedy),
  );
}

/** One of a few words. */
export function choice<const Words extends readonly string[]>(words: Words) {
  const quoted = words.map((word) => `"${word}"`);
  return v.picklist(words, `write ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)!}`);
}

/** At most `most` items; `remedy` describes the whole list. */
export function list<const Item extends v.GenericSchema>(item: Item, most: number, remedy: string) {
  return v.pipe(v.array(item, remedy), v.maxLength(most, `write at most ${most} items`));
}

export const portRange = text<PortRange>(
  /^\d{1,5}(-\d{1,5})?([/:](tcp|udp))?$/,
  'write a port such as "22/tcp" or a range such as "6000-6010/udp"',
  parsePortRange,
);

export const knock = text<Port>(
  /^\d{1,5}([/:](tcp|udp))?$/,
  'write a port such as "7000" or "8000/udp"',
  parsePort,
);

/** First and last port of a knock range. */
export const knockRange = text<{ lo: number; hi: number }>(
  /^\d{1,5}-\d{1,5}$/,
  `write ${SPACE_LIMITS.range.min} ports or more, such as "20000-52767"`,
  (written) => {
    const range = parsePortRange(written);
    if (range === undefined || range.to - range.from + 1 < SPACE_LIMITS.range.min) return undefined;
    return { lo: range.from, hi: range.to };
  },
);

const NETWORK = 'write a network such as "10.0.0.0/8" or "fd00::/8"';

/**
 * A network that needs no knock. Networks wider than anybody owns are refused: they would make the
 * guard useless.
 */
export const allowedNetwork = v.pipe(
  v.string(NETWORK),
  v.regex(/^[0-9a-fA-F.:]+(\/\d{1,3})?$/, NETWORK),
  v.rawTransform(({ dataset, addIssue, NEVER }): Prefix => {
    const prefix = parsePrefix(dataset.value);
    if (prefix !== undefined && !isTooWide(prefix)) return prefix;
    addIssue({
      message:
        prefix === undefined
          ? `${NETWORK}, with no bits set after its length`
          : "that lets in strangers without a knock: write the networks of your own, at most a /8 or an IPv6 /16",
    });
    return NEVER;
  }),
);

/** A literal address and a port; host names are refused, because they may change under a running server. */
export const endpoint = text<{ host: string; port: number }>(
  /^([0-9.]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/,
  'write an address and a port such as "127.0.0.1:7878" or "[::1]:7878"',
  (written) => {
    const colon = written.lastIndexOf(":");
    const host = written.slice(0, colon).replaceAll(/[[\]]/g, "");
    const port = parsePort(written.slice(colon + 1))?.port;
    return port === undefined || parseAddress(host) === undefined ? undefined : { host, port };
  },
);

/** The text that `endpoint` reads. */
export function formatEndpoint({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An absolute path of at most `most` bytes. */
export function absolutePath(most: number, example: string) {
  const remedy = `write an absolute path such as "${example}"`;
  return v.pipe(
    v.string(remedy),
    v.regex(/^\/[^\0]*$/, remedy),
    v.rawTransform(({ dataset, addIssue, NEVER }): string => {
      if (Buffer.byteLength(dataset.value) <= most) return dataset.value;
      addIssue({ message: `write a path of at most ${most} bytes such as "${example}"` });
      return NEVER;
    }),
  );
}
