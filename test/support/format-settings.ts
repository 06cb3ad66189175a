/** Settings as the text of a config.toml, without keys that have their default. */

import { stringify } from "smol-toml";
import { formatPrefix } from "../../src/core/address.ts";
import { formatDuration } from "../../src/core/duration.ts";
import { formatPort, formatPortRange } from "../../src/core/port.ts";
import { DEFAULT_SPACE } from "../../src/rks/space.ts";
import type { KnockSpace } from "../../src/rks/space.ts";
import { DOOR_KEYS, PLAIN_KEYS } from "../../src/config/door-keys.ts";
import { formatEndpoint } from "../../src/config/fields.ts";
import type { Door, Settings } from "../../src/config/settings.ts";

type Value = string | number | boolean | readonly string[] | Table | undefined;
interface Table {
  readonly [key: string]: Value;
}

function seconds(value: number): string {
  return formatDuration(value * 1_000);
}

/** `value`, or undefined where it is the default and can be left out. */
function unless<T>(value: T, standard: unknown): T | undefined {
  return Bun.deepEquals(value, standard) ? undefined : value;
}

/** The text of a door's key, for keys that have one. */
const DEFAULTS: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries(DOOR_KEYS).map(([key, { schema }]) => [key, schema.default]),
);

function range({ lo, hi }: KnockSpace): string {
  return `${lo}-${hi}`;
}

function knockTable(space: KnockSpace): Table {
  return {
    range: unless(range(space), range(DEFAULT_SPACE)),
    ports: unless(space.ports, DEFAULT_SPACE.ports),
    step: unless(seconds(space.stepSeconds), seconds(DEFAULT_SPACE.stepSeconds)),
    window: unless(seconds(space.windowSeconds), seconds(DEFAULT_SPACE.windowSeconds)),
    skew: unless(space.skew, DEFAULT_SPACE.skew),
    slack: unless(space.slack, DEFAULT_SPACE.slack),
  };
}

function asWritten(door: Door, property: keyof Door): Value {
  if (property === "opens") return door.opens.map(formatPortRange);
  const value = door[property] as Value;
  return property.endsWith("Ms") && typeof value === "number" ? formatDuration(value) : value;
}

/** Keys whose value goes into the settings unchanged, without those at their defaults. */
function plainTable(door: Door): Table {
  return Object.fromEntries(
    PLAIN_KEYS.map(([key, property]) => [key, unless(asWritten(door, property), DEFAULTS[key])]),
  );
}

function doorTable(door: Door, shared: KnockSpace): Table {
  const { space, fixed, closing, maxOpenMs, run } = door;
  return {
    ...plainTable(door),
    sequence: fixed?.knocks.map(formatPort),
    sequence_timeout:
      fixed && unless(formatDuration(fixed.timeoutMs), DEFAULTS["sequence_timeout"]),
    close_sequence: closing?.knocks.map(formatPort),
    weak: door.weak,
    max_open: maxOpenMs === undefined ? undefined : formatDuration(maxOpenMs),
    ...(fixed === undefined && {
      proto: unless(space.proto, "tcp"),
      range: unless(range(space), range(shared)),
      ports: unless(space.ports, shared.ports),
      step: unless(seconds(space.stepSeconds), seconds(shared.stepSeconds)),
    }),
    run: run && { open: run.open, close: run.close, privileged: run.privileged || undefined },
  };
}

/** A table without its undefined values, and without tables that are then empty. */
function present(table: Table): Record<string, unknown> {
  const kept = Object.entries(table).flatMap(([key, value]): [string, unknown][] => {
    if (value === undefined) return [];
    if (typeof value !== "object" || Array.isArray(value)) return [[key, value]];
    const inner = present(value as Table);
    return Object.keys(inner).length === 0 ? [] : [[key, inner]];
  });
  return Object.fromEntries(kept);
}

/**
 * Text that `parseSettings` reads back equal. The doors of one file share window, skew and slack,
 * which come from the first door.
 */
export function formatSettings({ server, doors, guard, api, alarm }: Settings): string {
  const shared = (doors.find(({ fixed }) => fixed) ?? doors[0])?.space ?? DEFAULT_SPACE;
  const file: Table = {
    server: {
      name: server.name,
      host: server.host,
      interfaces: server.interfaces,
      state_dir: server.stateDir,
    },
    knock: knockTable(shared),
    door: Object.fromEntries(doors.map((door) => [door.name, doorTable(door, shared)])),
    guard: {
      on_stop: unless(guard.onStop, "closed"),
      deny: unless(guard.deny, "auto"),
      always_allow: guard.alwaysAllow.map(formatPrefix),
    },
    api: {
      listen: formatEndpoint(api.listen),
      socket: api.socket,
    },
    alarm: { run: alarm?.run },
  };
  return stringify(present(file));
}
