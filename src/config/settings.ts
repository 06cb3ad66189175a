/** Settings: the content of config.toml, checked and in the program's own units. */

import type { Prefix } from "../core/address.ts";
import type { FixedSequence } from "../core/fixed-sequence.ts";
import type { PortRange } from "../core/port.ts";
import type { KnockSpace } from "../rks/space.ts";

/** argv of the commands that a door runs; `{address}` and its like are not replaced yet. */
export interface DoorCommands {
  readonly open?: readonly string[];
  readonly close?: readonly string[];
  /** With the privileges of the daemon; otherwise without any capability. */
  readonly privileged: boolean;
}

/** One `[door.NAME]`. Exactly one of `users` (rotating) and `fixed` opens it. */
export interface Door {
  readonly name: string;
  /** Empty for a door that only runs commands. */
  readonly opens: readonly PortRange[];
  /** Empty for a fixed door. */
  readonly users: readonly string[];
  /** `[knock]` with the door's own range, ports, step and proto. */
  readonly space: KnockSpace;
  readonly fixed?: FixedSequence;
  readonly closing?: FixedSequence;
  readonly openForMs: number;
  readonly idleCloseMs?: number;
  /** Set if `idleCloseMs` is. */
  readonly maxOpenMs?: number;
  readonly uses: "many" | "one";
  readonly prefix6: 64 | 128;
  /** The most addresses that a fixed door is open to at once. */
  readonly maxGrants: number;
  /** A plain scan may complete `fixed`. Absent: such a sequence is refused. */
  readonly weak?: true;
  readonly run?: DoorCommands;
  /** How long the kernel guards the door's ports without a living daemon; absent: for ever. */
  readonly openAfterMs?: number;
}

export interface Settings {
  readonly server: {
    /** Absent: call `serverName()`. */
    readonly name?: string;
    /** The name by which clients reach this server, for the links made here. Absent: a guess. */
    readonly host?: string;
    readonly interfaces: readonly string[];
    readonly stateDir: string;
  };
  /** In the order of the file. */
  readonly doors: readonly Door[];
  readonly guard: {
    readonly onStop: "closed" | "open";
    readonly deny: "auto" | "drop" | "reset";
    readonly alwaysAllow: readonly Prefix[];
  };
  readonly api: {
    readonly listen: { readonly host: string; readonly port: number };
    readonly socket: string;
  };
  /** Absent: an alarm is only logged and counted. */
  readonly alarm?: {
    /** argv; `{address}` and its like are not replaced yet. */
    readonly run: readonly string[];
  };
  /**
   * One sentence with its line for each key that the file has under a former name. Absent: none.
   */
  readonly formerNames?: readonly string[];
}
