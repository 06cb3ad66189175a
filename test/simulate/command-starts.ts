/** Starts the commands of doors, or finds no process for them. */

import type { Command } from "../../src/control-plane/commands/command-queue.ts";
import type { Program } from "../../src/control-plane/commands/bare-launcher.ts";
import type { Agenda } from "./agenda.ts";
import type { Chronicle } from "./chronicle.ts";
import type { CloseCommands } from "./close-commands.ts";
import type { Life } from "./life.ts";

/** A command that found no process is not started again sooner. */
const PAUSE_MS = 50;

/** The longest pause after a command found no process, and a second one. */
const REFUSED_MS = 15_000;

const RUN_MS = 200;

interface CommandStartsParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly closes: Pick<CloseCommands, "started">;
}

export class CommandStarts {
  readonly #parts: CommandStartsParts;
  #refuses = 0;
  /** When there was no process for a command of this life, by its words. */
  readonly #refused = new Map<string, number>();

  constructor(parts: CommandStartsParts) {
    this.#parts = parts;
  }

  /** A new process waits for no command. */
  newLife(): void {
    this.#refused.clear();
  }

  /** The next starts find no process: so many; 0: all find one. */
  refuse(times: number): void {
    this.#refuses = times;
  }

  /** Whether every command of this life had the time to be started again since it found no process. */
  get areServed(): boolean {
    const sinceMs = this.#parts.agenda.monotonicMs() - Math.max(0, ...this.#refused.values());
    return this.#refuses === 0 && sinceMs > REFUSED_MS;
  }

  /** Throws EAGAIN where there is no process. */
  async start(life: Life, { argv }: Command): Promise<Program> {
    life.border("the start of a command");
    const { agenda, chronicle, closes } = this.#parts;
    const [program = "", door = "", address = ""] = argv;
    const nowMs = agenda.monotonicMs();
    const words = argv.join(" ");
    if (nowMs - (this.#refused.get(words) ?? -Infinity) < PAUSE_MS) {
      chronicle.break("the daemon comes to rest", `${words} again, without a pause`);
    }
    if (this.#refuses > 0) {
      this.#refuses--;
      chronicle.tally.add("no process for a command");
      this.#refused.set(words, nowMs);
      throw Object.assign(new Error("no process"), { code: "EAGAIN" });
    }
    chronicle.note(`runs ${words}`);
    if (program === "/bin/close") chronicle.judge(closes.started(door, address, nowMs));
    life.border("the reply to the start of a command");
    const { promise, resolve } = Promise.withResolvers<{ exitCode: number; signal: null }>();
    agenda.after(RUN_MS, () => life.run(() => resolve({ exitCode: 0, signal: null })));
    return await Promise.resolve({ ended: promise });
  }
}
