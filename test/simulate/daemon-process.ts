/** The process of the daemon: its starts, its deaths, and the machine's boots around it. */

import type { Door } from "../../src/config/settings.ts";
import { SallyportError } from "../../src/core/errors.ts";
import { randomFrom } from "../support/random.ts";
import type { Agenda } from "./agenda.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Daemon } from "./daemon.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Disturbances } from "./disturbances.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { type Death, Killed, Life } from "./life.ts";
import { Timers } from "./timers.ts";
import { numberOf } from "./world.ts";

/** Death waits so long for the border that it was told to come at. */
const PATIENT_MS = 5_000;

interface ProcessParts {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly disturbances: Disturbances;
  readonly kernel: Pick<SimulatedKernel, "reboot" | "remembers">;
  readonly disk: SimulatedDisk;
  /** A new process begins: it knows nothing of what the one before it was told. */
  readonly begins: () => void;
  /** Undefined, or an error, where it cannot start. */
  readonly make: (life: Life, bootId: string) => Daemon | undefined;
  /** A daemon was made, and is about to start; `kernelForgot`: without a stop in order before it. */
  readonly made: (daemon: Daemon, kernelForgot: boolean) => void;
  /** The process died, and with the power what no fsync had reached. */
  readonly died: (powerCut: boolean) => void;
  readonly rebooted: (inOrder: boolean) => void;
}

export class DaemonProcess {
  readonly #parts: ProcessParts;
  readonly #timers: Timers;
  #daemon: Daemon | undefined;
  #life: Life | undefined;
  /** How the next process dies. */
  #nextDeath: Death | undefined;
  #boot = 1;
  #stoppedInOrder = false;
  /** When the present daemon took over the debts of an earlier one. */
  #adopted = { wallMs: 0, monotonicMs: 0 };

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.agenda, (work) => this.run(work));
    parts.disk.border = (where) => {
      if (this.#life === undefined) throw new Killed();
      this.#life.border(where);
    };
  }

  /** Undefined while none is made. */
  get daemon(): Daemon | undefined {
    return this.#daemon;
  }

  /** The daemon, if it lives and has begun. */
  get running(): Daemon | undefined {
    return this.#daemon?.hasBegun === true && this.isAlive ? this.#daemon : undefined;
  }

  get isAlive(): boolean {
    return this.#life?.isAlive === true;
  }

  /** No process is there, and none is dying. */
  get isGone(): boolean {
    return this.#life === undefined || this.#life.isBuried;
  }

  /** Death waits for it. */
  get isDoomed(): boolean {
    return this.#life?.death !== undefined;
  }

  get adopted(): { readonly wallMs: number; readonly monotonicMs: number } {
    return this.#adopted;
  }

  /** The number of the configuration in force; -1 where no daemon is. */
  get configuration(): number {
    return numberOf(this.#daemon?.inForce.settings.doors ?? []);
  }

  /** The door of this name by which knocks are heard. */
  door(name: string): Door | undefined {
    return this.#daemon?.hearing.plan.doors.find((door) => door.name === name);
  }

  /** Does work of the daemon, in which it may die. */
  run(work: () => void): void {
    this.#life?.run(work);
  }

  /** Something that only a mistake in the program can explain. */
  fail(error: unknown): void {
    if (error instanceof Killed || !this.isAlive) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#parts.chronicle.break("the daemon goes on", text);
  }

  /** Gives the program the timers of this process until the result is called. */
  takeTimers(): () => void {
    const restore = this.#timers.install();
    return () => {
      this.#timers.clear();
      restore();
    };
  }

  start(): void {
    if (this.isAlive) return;
    const { chronicle, disturbances, kernel, agenda } = this.#parts;
    const life = this.#newLife();
    this.#life = life;
    this.#timers.begin();
    this.#nextDeath = undefined;
    this.#parts.begins();
    chronicle.note("the daemon starts");
    disturbances.disturb();
    const kernelForgot = !this.#stoppedInOrder && !kernel.remembers;
    // It takes the marker of the stop before, and may die at once.
    this.#stoppedInOrder = false;
    life.run(() => {
      const daemon = this.#make(life);
      if (daemon === undefined) return;
      this.#daemon = daemon;
      chronicle.tally.add("start");
      this.#adopted = { wallMs: agenda.wallMs(), monotonicMs: agenda.monotonicMs() };
      this.#parts.made(daemon, kernelForgot);
      daemon.start().catch((error: unknown) => this.#failedStart(life, error));
    });
  }

  /** The living process dies so. */
  condemn(death: Death): void {
    const life = this.#life;
    if (life?.isAlive !== true) return;
    this.#parts.disturbances.disturb();
    life.condemn(death);
    // Such a border may never come.
    if (death.at === undefined) return;
    this.#parts.agenda.after(PATIENT_MS, () => {
      if (life.death === death && life.isAlive) life.condemn(undefined);
    });
  }

  /** The next process dies so. */
  condemnNext(death: Death): void {
    this.#nextDeath = death;
  }

  /** Nobody is about to die any more. */
  spare(): void {
    this.#nextDeath = undefined;
    if (this.isAlive) this.#life?.condemn(undefined);
  }

  /** The daemon stops in order, and comes back. */
  restart(downMs: number, reboot: boolean): void {
    const daemon = this.running;
    const life = this.#life;
    if (daemon === undefined || life === undefined) return;
    const { chronicle, disturbances } = this.#parts;
    chronicle.note(reboot ? "the machine is rebooted in order" : "the daemon is restarted");
    disturbances.disturb();
    life.run(() => {
      daemon.stop().then(
        () => {
          if (!life.isAlive) return;
          this.#stoppedInOrder = true;
          life.die({ left: 0, how: "kill", downMs, seed: 0 });
          if (reboot) this.#newBoot();
        },
        (error: unknown) => this.fail(error),
      );
    });
  }

  /** Call it when all that went on in the process has come to its end: one that died makes room for the next. */
  buryTheDead(): void {
    const life = this.#life;
    if (life === undefined || life.isAlive || life.isBuried) return;
    const { how, downMs, seed } = life.death!;
    const { agenda, disk, disturbances } = this.#parts;
    life.bury();
    this.#daemon = undefined;
    disturbances.disturb();
    this.#parts.died(how === "power cut");
    if (how === "kill") disk.outliveProcess();
    else {
      disk.outlivePower(randomFrom(seed));
      this.#newBoot();
    }
    agenda.after(downMs, () => this.start());
  }

  /** The story is over. */
  leave(): void {
    this.#life?.leave();
  }

  #newLife(): Life {
    const { chronicle, disk } = this.#parts;
    const parts = {
      failed: (error: unknown) => this.fail(error),
      dies: ({ how }: Death, where: string) => {
        chronicle.note(`${how} at ${where}`);
        const when = this.#daemon?.hasBegun === true ? "at" : "in a start, at";
        chronicle.tally.add(`${how} ${when} ${where}`);
      },
      died: () => {
        disk.freeze();
        this.#timers.clear();
      },
    };
    return new Life(parts, this.#nextDeath);
  }

  #make(life: Life): Daemon | undefined {
    try {
      return this.#parts.make(life, `boot-${this.#boot}`);
    } catch (error) {
      this.#failedStart(life, error);
      return undefined;
    }
  }

  #failedStart(life: Life, error: unknown): void {
    if (!life.isAlive) return;
    if (!(error instanceof SallyportError)) {
      this.fail(error);
      return;
    }
    const { chronicle, disk } = this.#parts;
    chronicle.note(`the start failed: ${disk.withoutRoot(error.message)}`);
    life.die({ left: 0, how: "kill", downMs: 1_000, seed: 0 });
  }

  #newBoot(): void {
    const { kernel, disturbances } = this.#parts;
    kernel.reboot();
    disturbances.tamper();
    this.#boot++;
    this.#parts.rebooted(this.#stoppedInOrder);
  }
}
