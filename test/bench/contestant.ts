/** The interface of every contestant of the bench. */

import type { KnockSpace } from "../../src/rks/space.ts";
import type { Load } from "./load/load.ts";
import type { Stage } from "./stage.ts";

export type ContestantName =
  "sallyport" | "variant" | "knockd" | "fwknopd" | "fwknopd-udp" | "nft" | "bare";

/** Whether a contestant is sallyport, of this build or another: it knows users, and a user knocks once a slot. */
export function isSallyport({ name }: { readonly name: ContestantName }): boolean {
  return name === "sallyport" || name === "variant";
}

/** The port of the service behind the first door; further doors guard the ports after it. */
export const SERVICE_PORT = 8080;

/**
 * Users by default: enough that each of sallyport's openings finds one who has not knocked in this
 * slot.
 */
export const USERS = 100;

export interface Setup {
  /** Users, each with a key of his own where the contestant knows users. */
  readonly users: number;
  /** Doors, each of which all users may open. Default 1. */
  readonly doors?: number;
  /** How long a grant lasts. Default 2 seconds. */
  readonly openSeconds?: number;
  /** Terms of rotating knocks that differ from the defaults; for sallyport alone. */
  readonly knock?: Partial<Omit<KnockSpace, "proto">>;
}

/** Everything that one honest client sends to open a door, made for this moment. */
export interface Opening {
  readonly source: string;
  /** The guarded port. */
  readonly port: number;
  /** Ethernet frames, in the order of sending. */
  readonly knocks: readonly Uint8Array[];
  /** Index of the knock that completes the first whole sequence: the clock starts here. */
  readonly completes: number;
}

export interface PrepareOptions {
  /** How often each knock is sent, where the contestant takes repeats (sallyport's client sends 2, shuffled). Default 1. */
  readonly copies?: number;
  /** Which door, from 0. Default 0. */
  readonly door?: number;
}

/** A flood made for one contestant. */
export interface NamedLoad {
  readonly name: string;
  readonly load: Load;
  /** Microseconds between two honest knocks, where they differ from the usual ones. */
  readonly gapUs?: number;
}

export interface Running extends AsyncDisposable {
  /** The processes whose CPU time and memory count; none for the kernel alone. */
  readonly pids: readonly number[];
  /**
   * Openings for these addresses, valid now and for some seconds more; nothing was used before. Users
   * take turns; sallyport's needs a user (and slot) for each.
   */
  prepare(sources: readonly string[], options?: PrepareOptions): Promise<Opening[]>;
  /** A flood of packets that pass its filter, from random sources. */
  heard(perSecond: number | null): Load;
  /** Packets it missed because its own queue was full, so far, where it counts them. */
  missed?(): Promise<number>;
  /** The floods that hurt it most, made for the present moment. */
  worst(): readonly NamedLoad[];
}

export interface Contestant {
  readonly name: ContestantName;
  /** For tables: its kind and version. */
  readonly title: string;
  /** Its settings, and facts that a reader must know of them. */
  readonly settings: string;
  /** Starts it on a stage of its own; resolves when it hears and guards. */
  start(stage: Stage, setup: Setup): Promise<Running>;
}
