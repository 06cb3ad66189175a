/**
 * The order of commands: a lane for each door, in turn, so that a crowd at one does not keep
 * another waiting.
 */

/** The facts of a command that a lane needs. */
export interface Laned {
  /** The door, or another source of commands with a queue of its own. */
  readonly lane: string;
  /** Commands with the same chain run one after the other. */
  readonly chain?: string;
  /** Never dropped, however many wait. */
  readonly owed?: unknown;
}

/** The most running commands of one lane. */
const MOST_OF_A_LANE = 4;

/** The most running commands of all lanes. */
const MOST_AT_ONCE = 16;

/** Up to here, each lane without a running command still gets one. */
const MOST_EVER = 64;

/** The most droppable commands that wait in a lane; when more come, somebody is forging knocks. */
export const MOST_WAITING = 256;

interface Lane<T> {
  /** In order. */
  readonly waiting: Set<T>;
  /** How many of the waiting ones may be dropped. */
  loose: number;
  /** The commands that run now: the chain of each, or the command where it has none. */
  readonly atWork: Set<string | T>;
}

export class CommandLanes<T extends Laned> {
  /** The lane whose turn it is comes first. */
  readonly #lanes = new Map<string, Lane<T>>();
  #atWork = 0;
  #waiting = 0;

  /** Commands that have not started. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Puts a command at the end of its lane. Returns false where the lane is full and the command is
   * not owed.
   */
  add(command: T): boolean {
    const lane = this.#laneOf(command);
    if (command.owed === undefined) {
      if (lane.loose >= MOST_WAITING) return false;
      lane.loose++;
    }
    lane.waiting.add(command);
    this.#waiting++;
    return true;
  }

  /**
   * The next command to start. It counts as running from now on, and as waiting until `started`.
   * Undefined where none may start now.
   */
  take(): T | undefined {
    for (const [name, lane] of this.#lanes) {
      if (!this.#hasRoom(lane)) continue;
      for (const command of lane.waiting) {
        const key = command.chain ?? command;
        if (lane.atWork.has(key)) continue;
        lane.atWork.add(key);
        this.#atWork++;
        this.#lanes.delete(name);
        this.#lanes.set(name, lane);
        return command;
      }
    }
    return undefined;
  }

  /** A command that was taken has started, or never will: it no longer waits. */
  started(command: T): void {
    const lane = this.#laneOf(command);
    if (!lane.waiting.delete(command)) return;
    this.#waiting--;
    if (command.owed === undefined) lane.loose--;
  }

  /** A command that was taken has ended its work; one that has not `started` keeps its place. */
  release(command: T): void {
    const lane = this.#laneOf(command);
    if (lane.atWork.delete(command.chain ?? command)) this.#atWork--;
    if (lane.waiting.size === 0 && lane.atWork.size === 0) this.#lanes.delete(command.lane);
  }

  /** All commands that have not started. */
  *left(): Generator<T, void> {
    for (const { waiting } of this.#lanes.values()) yield* waiting;
  }

  #hasRoom({ atWork }: Lane<T>): boolean {
    if (atWork.size === 0) return this.#atWork < MOST_EVER;
    return atWork.size < MOST_OF_A_LANE && this.#atWork < MOST_AT_ONCE;
  }

  #laneOf({ lane: name }: T): Lane<T> {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const made: Lane<T> = { waiting: new Set(), loose: 0, atWork: new Set() };
    this.#lanes.set(name, made);
    return made;
  }
}
