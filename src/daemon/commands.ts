/** Runs the commands of doors that have some: one when a grant opens, one when it ends. */

import { fillPlaceholders } from "../config/run-command.ts";
import type { Door } from "../config/settings.ts";
import { messageOf } from "../core/errors.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import { RUN_BARE, selfCommand } from "../core/self.ts";

/** A command that runs longer is killed. */
const TIME_LIMIT_MS = 30_000;

/** Commands at work at the same time; the others wait in order. */
const MOST_AT_ONCE = 4;

/** Commands waiting; a door of which more are owed is being flooded by forged knocks. */
const MOST_WAITING = 1_024;

/** Nothing of the daemon's own environment reaches a command. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
};

type Log = (level: "info" | "warning" | "error", sentence: string) => void;

export class CommandRunner {
  readonly #log: Log;
  readonly #waiting: (() => Promise<void>)[] = [];
  #atWork = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Renewals run nothing: the door is open already. */
  hear(event: DaemonEvent, doors: readonly Door[]): void {
    const opened = event.type === "grant.opened" && !event.renewed;
    if (!opened && event.type !== "grant.closed") return;
    const { grant } = event;
    const run = doors.find(({ name }) => name === grant.door)?.run;
    const argv = opened ? run?.open : run?.close;
    const privileged = run?.privileged === true;
    if (argv === undefined) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#log(
        "error",
        `Cannot run ${argv[0]} for ${grant.door}: ${MOST_WAITING} commands wait already`,
      );
      return;
    }
    this.#waiting.push(() => this.#run(fillPlaceholders(argv, facts(grant)), grant, privileged));
    this.#next();
  }

  #next(): void {
    while (this.#atWork < MOST_AT_ONCE) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#atWork++;
      void job().finally(() => {
        this.#atWork--;
        this.#next();
      });
    }
  }

  async #run(argv: readonly string[], grant: Grant, privileged: boolean): Promise<void> {
    const what = `${argv[0]} for ${grant.door} and ${grant.address}`;
    try {
      // An argv array and no shell: nothing in a value can become a second command.
      const child = Bun.spawn(privileged ? [...argv] : [...selfCommand(), RUN_BARE, ...argv], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
        cwd: "/",
        env: ENVIRONMENT,
        timeout: TIME_LIMIT_MS,
        killSignal: "SIGKILL",
      });
      await child.exited;
      if (child.exitCode === 0) this.#log("info", `Ran ${what}`);
      else if (child.exitCode !== null)
        this.#log("warning", `${what} exited with ${child.exitCode}`);
      else
        this.#log(
          "warning",
          `${what} was ended by ${child.signalCode ?? "a signal"}: a command has ${TIME_LIMIT_MS / 1_000} s`,
        );
    } catch (error) {
      this.#log("error", `Cannot run ${what}: ${messageOf(error)}`);
    }
  }
}

function facts(grant: Grant): Parameters<typeof fillPlaceholders>[1] {
  return {
    address: grant.address,
    family: grant.address.includes(":") ? "6" : "4",
    door: grant.door,
    ...(grant.user !== undefined && { user: grant.user }),
    ...(grant.device !== undefined && { device: grant.device }),
  };
}
