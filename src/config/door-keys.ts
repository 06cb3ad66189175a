/**
 * The keys of a door: the form of each, the doors where it has a meaning, and its property in the
 * settings.
 */

import * as v from "valibot";
import { SPACE_LIMITS } from "../rks/space.ts";
import {
  choice,
  duration,
  integer,
  knock,
  knockRange,
  list,
  portRange,
  seconds,
  text,
} from "./fields.ts";
import { EVERYBODY, isName, NAME_RULE } from "./names.ts";
import { LIMITS, runSchema } from "./schema.ts";
import type { Door } from "./settings.ts";

/** Doors with users, doors with a sequence, doors that open ports. */
export type DoorKind = "rotating" | "fixed" | "ports";

interface DoorKey {
  readonly schema: v.GenericSchema;
  /** Kinds that a door must have, all of them, for the key to have a meaning; default: none. */
  readonly only?: readonly DoorKind[];
  /**
   * The property of `Door` that takes the value unchanged; without it, `build.ts` converts the
   * value.
   */
  readonly becomes?: keyof Door;
}

const userName = text(
  /^(\*|[a-z0-9][a-z0-9._-]{0,31})$/,
  `write ${NAME_RULE}, or "*" for everybody who has a key`,
  (name) => (name === EVERYBODY || isName(name) ? name : undefined),
);

const KNOCKS = 'write a list of ports such as ["7000", "8000/udp", "9000"]';
const sequence = v.pipe(list(knock, LIMITS.knocks, KNOCKS), v.minLength(1, KNOCKS));

export const DOOR_KEYS = {
  opens: {
    schema: v.optional(list(portRange, LIMITS.portsPerDoor, 'write a list such as ["22/tcp"]'), []),
    becomes: "opens",
  },
  open_for: { schema: v.optional(duration("1s", "30d", "30s"), "30s"), becomes: "openForMs" },
  users: {
    schema: v.optional(
      list(userName, LIMITS.listItems, 'write a list such as ["alice", "bob"]'),
      [],
    ),
    becomes: "users",
  },
  range: { schema: v.optional(knockRange), only: ["rotating"] },
  ports: { schema: v.optional(integer(SPACE_LIMITS.ports)), only: ["rotating"] },
  step: { schema: v.optional(seconds(SPACE_LIMITS.stepSeconds, "30s")), only: ["rotating"] },
  proto: { schema: v.optional(choice(["tcp", "udp"])), only: ["rotating"] },
  sequence: { schema: v.optional(sequence) },
  sequence_timeout: { schema: v.optional(duration("1s", "10m", "15s"), "15s"), only: ["fixed"] },
  close_sequence: { schema: v.optional(sequence), only: ["fixed"] },
  max_grants: {
    schema: v.optional(integer({ min: 1, max: LIMITS.fixedElements }), 256),
    only: ["fixed"],
    becomes: "maxGrants",
  },
  weak: { schema: v.optional(v.boolean("write true or false")), only: ["fixed"] },
  idle_close: {
    schema: v.optional(duration("5s", "24h", "10m")),
    only: ["rotating", "ports"],
    becomes: "idleCloseMs",
  },
  max_open: { schema: v.optional(duration("1s", "30d", "8h")), only: ["ports"] },
  uses: {
    schema: v.optional(choice(["many", "one"]), "many"),
    only: ["rotating", "ports"],
    becomes: "uses",
  },
  prefix6: {
    schema: v.optional(v.picklist([64, 128], "write 64 or 128"), 128),
    only: ["ports"],
    becomes: "prefix6",
  },
  run: { schema: v.optional(runSchema) },
  open_after: {
    schema: v.optional(duration("1m", "30d", "24h")),
    only: ["ports"],
    becomes: "openAfterMs",
  },
} as const satisfies Record<string, DoorKey>;

type DoorKeys = typeof DOOR_KEYS;

export const doorSchema = v.strictObject(
  Object.fromEntries(Object.entries(DOOR_KEYS).map(([name, { schema }]) => [name, schema])) as {
    [Name in keyof DoorKeys]: DoorKeys[Name]["schema"];
  },
);

export type DoorTable = v.InferOutput<typeof doorSchema>;

const ENTRIES = Object.entries(DOOR_KEYS) as [name: keyof DoorTable, key: DoorKey][];

/** Keys that have a meaning only at doors of this kind. */
export function keysOf(kind: DoorKind): (keyof DoorTable)[] {
  return ENTRIES.filter(([, { only }]) => only?.includes(kind) === true).map(([name]) => name);
}

/** Every key whose value becomes a property of a door unchanged, with that property. */
export const PLAIN_KEYS = ENTRIES.flatMap(
  ([name, { becomes }]): [name: keyof DoorTable, property: keyof Door][] =>
    becomes === undefined ? [] : [[name, becomes]],
);

type PlainKey = {
  [Name in keyof DoorKeys]: DoorKeys[Name] extends { readonly becomes: string } ? Name : never;
}[keyof DoorKeys];

type PropertyOf<Name> = Name extends PlainKey ? DoorKeys[Name]["becomes"] : never;

/** The part of a door that needs no conversion. */
export type PlainDoor = {
  readonly [Name in keyof Pick<DoorTable, PlainKey> as PropertyOf<Name>]: Exclude<
    DoorTable[Name],
    undefined
  >;
};

export function plainDoor(door: DoorTable): PlainDoor {
  const given = PLAIN_KEYS.flatMap(([name, property]) =>
    door[name] === undefined ? [] : [[property, door[name]]],
  );
  return Object.fromEntries(given) as PlainDoor;
}
