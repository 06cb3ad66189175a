/** From the checked tables of config.toml to Settings: defaults, inheritance and units, no checks. */

import type { FixedSequence } from "../core/fixed-sequence.ts";
import type { Port } from "../core/port.ts";
import type { KnockSpace } from "../rks/space.ts";
import { type DoorTable, plainDoor } from "./door-keys.ts";
import type { AlarmTable, ApiTable, GuardTable, KnockTable, ServerTable } from "./schema.ts";
import type { Door, DoorCommands, Settings } from "./settings.ts";

/** It depends on another key, so the schema cannot hold it. */
const DEFAULT_MAX_OPEN_MS = 8 * 3_600_000;

function buildSpace(door: DoorTable, knock: KnockTable): KnockSpace {
  const { lo, hi } = door.range ?? knock.range;
  return {
    proto: door.proto ?? "tcp",
    lo,
    hi,
    ports: door.ports ?? knock.ports,
    stepSeconds: door.step ?? knock.step,
    windowSeconds: knock.window,
    skew: knock.skew,
    slack: knock.slack,
  };
}

function buildRun({ open, close, privileged }: NonNullable<DoorTable["run"]>): DoorCommands {
  return { ...(open && { open }), ...(close && { close }), privileged };
}

export function buildDoor(name: string, door: DoorTable, knock: KnockTable): Door {
  const timeoutMs = door.sequence_timeout;
  const fixed = (knocks: readonly Port[]): FixedSequence => ({ knocks, timeoutMs });
  return {
    ...plainDoor(door),
    name,
    space: buildSpace(door, knock),
    ...(door.sequence && { fixed: fixed(door.sequence) }),
    ...(door.close_sequence && { closing: fixed(door.close_sequence) }),
    ...(door.idle_close !== undefined && {
      maxOpenMs: door.max_open ?? Math.max(DEFAULT_MAX_OPEN_MS, door.open_for, door.idle_close),
    }),
    ...(door.weak === true && { weak: true }),
    ...(door.run && { run: buildRun(door.run) }),
  };
}

export function buildSettings(
  server: ServerTable,
  doors: readonly Door[],
  guard: GuardTable,
  api: ApiTable,
  alarm: AlarmTable = {},
): Settings {
  return {
    server: {
      ...(server.name !== undefined && { name: server.name }),
      ...(server.host !== undefined && { host: server.host }),
      interfaces: server.interfaces,
      stateDir: server.state_dir,
    },
    doors,
    guard: { onStop: guard.on_stop, deny: guard.deny, alwaysAllow: guard.always_allow },
    api: { listen: api.listen, socket: api.socket },
    ...(alarm.run && { alarm: { run: alarm.run } }),
  };
}
