/** Runs programs for doors and alarms: an argv and no shell, a few at a time, each for a limited time. */

import type { Counters } from "../../core/counters.ts";
import { messageOf } from "../../core/errors.ts";
import { BareLauncher, type Program } from "./bare-launcher.ts";
import { CommandLanes, MOST_WAITING } from "./command-lanes.ts";
import { type ProgramEnd, spawnCommand } from "./spawn-command.ts";

/** A command that runs longer is killed. */
const TIME_LIMIT_MS = 30_000;

/**
 * Where nothing can be started now, the next attempt comes after this pause; each further pause is
 * twice as long.
 */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 5_000;

/** At most one line in this time reports the dropped commands of a door. */
const DROPS_QUIET_MS = 5_000;

/** The machine or this process has no room for another process now; the command itself is right. */
const SHORTAGES: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "EAGAIN",
  "ENOMEM",
  "ENOBUFS",
  "LAUNCHER",
]);

/** A command that must start sooner or later; it is told of each step. */
export interface Owed {
  /** The command is about to start. */
  begin(): void;
  /** The command could not be started now, and is tried again. */
  postpone(): void;
  /** The program has started, or never can: it is not tried again. */
  settle(): void;
}

export interface Command {
  /** The first item is an absolute path; no shell interprets the items. */
  readonly argv: readonly string[];
  /** With the privileges of the daemon; else without any capability. */
  readonly privileged: boolean;
  /** The owner of its queue, in words for the log: "the door ssh". */
  readonly lane: string;
  /** Commands with the same chain run one after the other: a door is not switched off before it is on. */
  readonly chain?: string;
  /** Its purpose, in words for the log: "ssh and 203.0.113.7 (open)". */
  readonly what: string;
  /** The outcome, in words for the log. Default: as it is. */
  readonly tell?: (outcome: string) => string;
  /** Never dropped. A command without it is dropped where too many of its lane wait. */
  readonly owed?: Owed;
  /** Called at its end: "exited with 0", "was killed after 30 s". */
  readonly ended?: (outcome: string) => void;
}

type Log = (level: "info" | "warning" | "error", sentence: string) => void;

export interface CommandQueueParts {
  readonly log: Log;
  /** Receives how many wait and how many were dropped. */
  readonly counters: Counters;
  /** Default: 30 s. */
  readonly timeLimitMs?: number;
  /** Starts programs in place of this machine; rejects where it cannot. */
  readonly start?: (command: Command, limitMs: number) => Promise<Program>;
}

export class CommandQueue {
  readonly #log: Log;
  readonly #counters: Counters;
  readonly #timeLimitMs: number;
  readonly #startElsewhere: CommandQueueParts["start"];
  readonly #launcher = new BareLauncher();
  readonly #lanes = new CommandLanes<Command>();
  /** Commands dropped from a lane since its last line in the log. */
  readonly #dropped = new Map<string, number>();
  /** Commands that have neither started nor failed yet. */
  readonly #starting = new Set<Promise<unknown>>();
  #restMs = 0;
  #resting: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor({ log, counters, timeLimitMs = TIME_LIMIT_MS, start }: CommandQueueParts) {
    this.#log = log;
    this.#counters = counters;
    this.#timeLimitMs = timeLimitMs;
    this.#startElsewhere = start;
  }

  /**
   * Unprivileged commands may come: makes their start ready while there is room for it. Where there is none, the first of
   * them tries again, and says so.
   */
  prepare(): void {
    try {
      this.#launcher.prepare();
    } catch {
      // Nothing is owed yet, and whoever reloads must not find half of it done.
    }
  }

  /**
   * Runs the command as soon as there is room. Returns false, and reports it, when too many of its
   * lane wait already.
   */
  add(command: Command): boolean {
    const taken = this.#lanes.add(command);
    if (taken) this.#next();
    else this.#drop(command);
    return taken;
  }

  /**
   * A waiting command is no longer started, and stays owed if it was; a running one goes on.
   * Resolves when every command has either started or not.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#resting);
    await Promise.all(this.#starting);
    const lost = [...this.#lanes.left()].filter(({ owed }) => owed === undefined).length;
    if (lost === 0) return;
    this.#counters.add("commandsDropped", lost);
    this.#log("warning", `Dropped ${lost} commands that waited: the daemon stops`);
  }

  #next(): void {
    while (!this.#stopped && this.#resting === undefined) {
      const command = this.#lanes.take();
      if (command === undefined) break;
      void this.#run(command).then(() => {
        this.#lanes.release(command);
        this.#next();
      });
    }
    this.#counters.set("commandsWaiting", this.#lanes.waiting);
  }

  async #run(command: Command): Promise<void> {
    const launching = this.#launch(command);
    this.#starting.add(launching);
    const program = await launching;
    this.#starting.delete(launching);
    if (program !== undefined) this.#tell(command, await program.ended);
  }

  /** Undefined where the command did not start. */
  async #launch(command: Command): Promise<Program | undefined> {
    const { argv, owed, tell, ended } = command;
    try {
      owed?.begin();
      const program = await this.#start(command);
      this.#settle(command);
      if (this.#restMs > 0) this.#log("info", "Commands start again");
      this.#restMs = 0;
      return program;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (SHORTAGES.has(code)) {
        owed?.postpone();
        this.#rest(error);
        return undefined;
      }
      this.#settle(command);
      const reason = tell?.(messageOf(error)) ?? messageOf(error);
      this.#log("error", `Cannot run ${argv[0]} for ${command.what}: ${reason}`);
      ended?.(`could not be started: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #start(command: Command): Promise<Program> {
    const { argv, privileged } = command;
    if (this.#startElsewhere) return await this.#startElsewhere(command, this.#timeLimitMs);
    if (privileged) return { ended: spawnCommand(argv, this.#timeLimitMs) };
    return await this.#launcher.start(argv, this.#timeLimitMs);
  }

  #settle(command: Command): void {
    this.#lanes.started(command);
    command.owed?.settle();
    this.#counters.set("commandsWaiting", this.#lanes.waiting);
  }

  #tell({ argv, what, tell, ended }: Command, { exitCode, signal }: ProgramEnd): void {
    const outcome =
      exitCode === null
        ? `was ended by ${signal ?? "a signal"}; a command has ${this.#timeLimitMs / 1_000} s`
        : `exited with ${exitCode}`;
    const name = `${argv[0]} for ${what}`;
    if (exitCode === 0) this.#log("info", `Ran ${name}`);
    else this.#log("warning", `${name} ${tell?.(outcome) ?? outcome}`);
    ended?.(outcome);
  }

  /** Starts nothing for a while: the shortage is the same for all commands. */
  #rest(error: unknown): void {
    if (this.#resting !== undefined || this.#stopped) return;
    if (this.#restMs === 0) {
      const waiting = this.#lanes.waiting;
      this.#log(
        "error",
        `Cannot start commands now: ${messageOf(error)}: ${waiting} wait, and are tried again until they start`,
      );
    }
    this.#restMs = Math.min(Math.max(FIRST_REST_MS, 2 * this.#restMs), LONGEST_REST_MS);
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      this.#next();
    }, this.#restMs);
  }

  #drop({ argv, lane, what }: Command): void {
    this.#counters.add("commandsDropped");
    const since = this.#dropped.get(lane);
    this.#dropped.set(lane, (since ?? 0) + 1);
    if (since !== undefined) return;
    this.#log(
      "error",
      `Dropped ${argv[0]} for ${what}: ${MOST_WAITING} commands of ${lane} wait already`,
    );
    setTimeout(() => {
      const more = this.#dropped.get(lane)! - 1;
      this.#dropped.delete(lane);
      if (more > 0) this.#log("error", `Dropped ${more} more commands of ${lane}: too many wait`);
    }, DROPS_QUIET_MS).unref();
  }
}
