/** Runs programs for doors and alarms: an argv and no shell, a few at a time, each for a limited time. */

import { messageOf } from "../core/errors.ts";
import { RUN_BARE, selfCommand } from "../core/self.ts";

/** A command that runs longer is killed. */
const TIME_LIMIT_MS = 30_000;

/** Commands at work at the same time; the others wait in order. */
const MOST_AT_ONCE = 4;

/** Commands waiting; when more are wanted, somebody is flooding us with forged knocks. */
const MOST_WAITING = 1_024;

/** Nothing of the daemon's own environment reaches a command. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
};

export interface Command {
  /** The first item is an absolute path; nothing is interpreted. */
  readonly argv: readonly string[];
  /** With what the daemon may do; else without any capability. */
  readonly privileged: boolean;
  /** Commands with the same chain run one after the other: a door is not switched off before it is on. */
  readonly chain?: string;
  /** For whom, in words for the log: "ssh and 203.0.113.7". */
  readonly what: string;
  /** The program has been started, or cannot be: it is not tried again. */
  readonly started?: () => void;
  /** It has ended: "exited with 0", "was killed after 30 s". */
  readonly ended?: (outcome: string) => void;
}

type Log = (level: "info" | "warning" | "error", sentence: string) => void;

export class CommandQueue {
  readonly #log: Log;
  readonly #timeLimitMs: number;
  readonly #waiting: Command[] = [];
  /** What runs now: its chain, or itself where it has none. */
  readonly #atWork = new Set<string | Command>();
  #stopped = false;

  /** `timeLimitMs`: default 30 s. */
  constructor(log: Log, timeLimitMs = TIME_LIMIT_MS) {
    this.#log = log;
    this.#timeLimitMs = timeLimitMs;
  }

  /** Runs the command as soon as there is room; answers false, and says so, when too many wait already. */
  add(command: Command): boolean {
    if (this.#waiting.length >= MOST_WAITING) {
      const { argv, what } = command;
      this.#log(
        "error",
        `Cannot run ${argv[0]} for ${what}: ${MOST_WAITING} commands wait already`,
      );
      return false;
    }
    this.#waiting.push(command);
    this.#next();
    return true;
  }

  /** What waits is not started any more; what runs goes on by itself. */
  stop(): void {
    this.#stopped = true;
  }

  #next(): void {
    while (this.#atWork.size < MOST_AT_ONCE && !this.#stopped) {
      const at = this.#waiting.findIndex((one) => !this.#atWork.has(one.chain ?? one));
      const command = this.#waiting[at];
      if (command === undefined) return;
      this.#waiting.splice(at, 1);
      const key = command.chain ?? command;
      this.#atWork.add(key);
      void this.#run(command).finally(() => {
        this.#atWork.delete(key);
        this.#next();
      });
    }
  }

  async #run({ argv, privileged, what, started, ended }: Command): Promise<void> {
    const name = `${argv[0]} for ${what}`;
    try {
      const child = Bun.spawn(privileged ? [...argv] : [...selfCommand(), RUN_BARE, ...argv], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
        cwd: "/",
        env: ENVIRONMENT,
        timeout: this.#timeLimitMs,
        killSignal: "SIGKILL",
      });
      started?.();
      await child.exited;
      const { exitCode, signalCode } = child;
      const outcome =
        exitCode === null
          ? `was ended by ${signalCode ?? "a signal"}; a command has ${this.#timeLimitMs / 1_000} s`
          : `exited with ${exitCode}`;
      this.#log(
        exitCode === 0 ? "info" : "warning",
        exitCode === 0 ? `Ran ${name}` : `${name} ${outcome}`,
      );
      ended?.(outcome);
    } catch (error) {
      started?.();
      this.#log("error", `Cannot run ${name}: ${messageOf(error)}`);
      ended?.(`could not be started: ${messageOf(error)}`);
    }
  }
}
