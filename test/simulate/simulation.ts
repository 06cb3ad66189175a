/** Plays one story on a simulated clock, kernel, disk and network, and watches every promise. */

import { heapStats } from "bun:jsc";
import type { Database } from "bun:sqlite";
import { type Address, formatAddress, maskAddress } from "../../src/core/address.ts";
import { SallyportError } from "../../src/core/errors.ts";
import type { DaemonEvent } from "../../src/core/events.ts";
import { type Grant, placeId } from "../../src/core/grant.ts";
import { emptyKnock, type Knock } from "../../src/core/knock.ts";
import { PROTO_NUMBER } from "../../src/core/port.ts";
import type { Command } from "../../src/control-plane/commands/command-queue.ts";
import type { Program } from "../../src/control-plane/commands/bare-launcher.ts";
import type { Door } from "../../src/config/settings.ts";
import type { Request } from "../../src/data-plane/messages.ts";
import { setOf } from "../../src/firewall/slots.ts";
import { parseDuration } from "../../src/core/duration.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { slotAt } from "../../src/rks/slot.ts";
import type { Debt } from "../../src/store/owed.ts";
import { randomFrom } from "../support/random.ts";
import { Agenda } from "./agenda.ts";
import { Alarms } from "./alarms.ts";
import {
  contradiction,
  crowd,
  disagreement,
  mislisted,
  strangeKey,
  unnoticed,
} from "./agreement.ts";
import { AuditWatch, type Logged } from "./audit-watch.ts";
import { Chronicle } from "./chronicle.ts";
import { CloseCommands } from "./close-commands.ts";
import { Daemon, type DaemonParts, type LivingSession } from "./daemon.ts";
import { SimulatedDisk } from "./disk.ts";
import { DiskTrouble } from "./disk-trouble.ts";
import { Disturbances } from "./disturbances.ts";
import { GrantWatch } from "./grant-watch.ts";
import { type Asked, GuardWatch } from "./guard-watch.ts";
import { SimulatedKernel } from "./kernel.ts";
import { KeyRing } from "./key-ring.ts";
import { Oracle, Violation } from "./oracle.ts";
import { SessionWatch } from "./session-watch.ts";
import { keyText, placesOf } from "./places.ts";
import { nextSeldomMs, type Quiet, Silence } from "./silence.ts";
import { stateOf } from "./state.ts";
import type { Deed, Road, Story } from "./story.ts";
import type { Tally } from "./tally.ts";
import { Timers } from "./timers.ts";
import { doorsOf, EAVESDROPPER, numberOf, type Person, PEOPLE, stranger } from "./world.ts";

/** A morning in 2027. */
const BEGIN_MS = 1_800_000_000_000;

/** Every grant, wait and revocation of the world is over by then. */
const REST_MS = 700_000;

const MINUTE_MS = 60_000;

/** Three logs of SQLite, and more than the events of ninety days. */
const MOST_FILE_BYTES = 32 << 20;

/** More than the story itself remembers. */
const MOST_GROWTH_BYTES = 64 << 20;

/** More timers than a daemon in silence has. */
const MOST_TIMERS = 30;

/** Two audits, and the time that they take. */
const QUIET_MS = 65_000;

const CHECK_MS = 5_000;

/** More than any second of a story needs. */
const MOST_STEPS = 5_000;

/** A command that found no process is not started again sooner. */
const START_PAUSE_MS = 50;

/** The longest pause after a command found no process, and a second one. */
const REFUSED_MS = 15_000;

/** A close command comes within this time, behind those of a crowd within the second. */
const LATE_MS = 15_000;
const CROWD_MS = 90_000;

/** What one deed set going is over. */
const SETTLED_MS = 500;

/** Death waits so long for the border that it was told to come at. */
const PATIENT_MS = 5_000;

/** `skew + 1` slots, with the longest slots and the largest skew of all configurations. */
const LONGEST_WAIT_MS = 120_000;

/** The process under test is dead; nothing of its work goes on. */
class Killed extends Error {
  override readonly name = "Killed";
}

interface Life {
  alive: boolean;
  /** It died, and its files have a new owner. */
  buried: boolean;
}

interface Death {
  left: number;
  /** Counts only borders of this name. */
  readonly at?: string | undefined;
  readonly how: "kill" | "power cut";
  readonly downMs: number;
  readonly seed: number;
}

interface Sent {
  readonly address: Address;
  readonly door: string;
  readonly user: string;
  readonly device: string;
  readonly ports: readonly number[];
  /** Somebody else sent it too, and may have been first. */
  raced: boolean;
}

export interface Told {
  readonly violation?: Violation;
  /** What happened, a line each. */
  readonly lines: readonly string[];
  readonly simulatedMs: number;
  /** The part of it in which every timer fired. */
  readonly playedMs: number;
  /** The number of acts that began. */
  readonly acts: number;
  readonly tally: Tally;
}

/** Plays the story to its end, or to the first broken promise. */
export async function play(story: Story): Promise<Told> {
  using simulation = new Simulation(story);
  return await simulation.play();
}

class Simulation implements Disposable {
  readonly #story: Story;
  readonly #agenda: Agenda;
  readonly #chronicle: Chronicle;
  readonly #disturbances: Disturbances;
  readonly #kernel: SimulatedKernel;
  readonly #keys = new KeyRing();
  readonly #disk = new SimulatedDisk(this.#keys.text);
  readonly #diskTrouble: DiskTrouble;
  readonly #oracle: Oracle;
  readonly #guardWatch: GuardWatch;
  readonly #grantWatch = new GrantWatch((violation) => this.#chronicle.judge(violation));
  readonly #timers: Timers;
  readonly #closes = new CloseCommands();
  readonly #alarms = new Alarms((violation) => this.#chronicle.judge(violation));
  readonly #sessions = new Set<LivingSession>();
  readonly #sessionWatch: SessionWatch;
  readonly #sent: Sent[] = [];
  #daemon: Daemon | undefined;
  #life: Life = { alive: false, buried: true };
  #death: Death | undefined;
  /** How the next process dies. */
  #nextDeath: Death | undefined;
  #boot = 1;
  /** Why a start may believe that uses are lost. */
  #mayWait = false;
  #stoppedInOrder = false;
  #noProcesses = 0;
  /** When there was no process for a command, by its words. */
  readonly #refusedStarts = new Map<string, number>();
  /** The ids of grants that somebody wants closed. */
  readonly #closesAsked = new Set<string>();
  /** Requests without an answer. */
  #asking = 0;
  #peerPorts = 30_000;
  /** One of these is the configuration that a start works by where the file is broken; undefined: perhaps none is. */
  #kept: readonly (number | undefined)[] = [undefined];
  #doubtMs = -Infinity;
  #wasSetBack = false;
  /** A start did not know all uses. */
  #hasLost = false;
  #over = false;
  readonly #auditWatch = new AuditWatch();
  #acts = 0;
  #leptMs = 0;
  /** Held in memory when the first silence was passed over; 0 before. */
  #firstBytes = 0;
  /** When the present daemon took over the debts of an earlier one. */
  #adopted = { wallMs: 0, monotonicMs: 0 };
  /** What the last check found at rest. */
  #restChecked: string | undefined;

  constructor(story: Story) {
    this.#story = story;
    this.#agenda = new Agenda((story.sparse?.beginMs ?? BEGIN_MS) + (story.seed % 1_000) * 977);
    this.#chronicle = new Chronicle(this.#agenda, story.sparse !== undefined);
    this.#disturbances = new Disturbances(this.#agenda, () => this.#grantWatch.touched());
    this.#diskTrouble = new DiskTrouble(this.#agenda, this.#disk);
    this.#kernel = new SimulatedKernel(this.#agenda, story);
    const judge = (violation: Violation) => this.#chronicle.judge(violation);
    this.#oracle = new Oracle(this.#agenda, this.#kernel, judge);
    this.#guardWatch = new GuardWatch(
      this.#agenda,
      this.#kernel,
      judge,
      () => this.#diskTrouble.mayLack,
    );
    this.#oracle.closes = (from) => {
      this.#grantWatch.closingKnock(formatAddress(from), this.#agenda.monotonicMs());
    };
    this.#sessionWatch = new SessionWatch(this.#kernel, this.#sessions);
    this.#disk.writeConfig(0, false);
    this.#kernel.faulted = (fault) => {
      this.#chronicle.tally.add(`kernel: ${fault}`);
      this.#disturbances.tamper();
    };
    this.#timers = new Timers(this.#agenda, (work) => this.#run(this.#life, work));
    this.#disk.border = (where) => this.#border(this.#life, where);
    this.#disk.refused = (where) => this.#chronicle.tally.add(`disk refuses ${where}`);
  }

  async play(): Promise<Told> {
    const restore = this.#timers.install();
    const onRejection = (reason: unknown) => this.#fail(reason);
    process.on("unhandledRejection", onRejection);
    try {
      this.#agenda.at(0, () => this.#start());
      let atMs = 2_000;
      for (const { afterMs, deed } of this.#story.acts) {
        atMs += afterMs;
        this.#agenda.at(atMs, () => {
          this.#acts++;
          this.#chronicle.tally.add(deed.type);
          this.#do(deed);
        });
      }
      const { sparse } = this.#story;
      const endMs = atMs + (sparse?.restMs ?? REST_MS);
      if (sparse?.leaps === true) this.#passOverSilences(endMs);
      this.#agenda.at(CHECK_MS, () => this.#check());
      this.#agenda.at(atMs + 1_000, () => this.#rest());
      await this.#until(endMs);
      this.#over = true;
      if (this.#chronicle.violation === undefined) this.#checkEnd();
    } finally {
      process.off("unhandledRejection", onRejection);
      this.#timers.clear();
      restore();
    }
    const simulatedMs = this.#agenda.monotonicMs();
    const violation = this.#chronicle.violation;
    return {
      lines: this.#chronicle.lines,
      simulatedMs,
      playedMs: simulatedMs - this.#leptMs,
      acts: this.#acts,
      tally: this.#chronicle.tally,
      ...(violation !== undefined && { violation }),
    };
  }

  [Symbol.dispose](): void {
    this.#life.alive = false;
    this.#disk[Symbol.dispose]();
  }

  async #until(endMs: number): Promise<void> {
    let steps = 0;
    let untilMs = 0;
    while (this.#chronicle.violation === undefined && this.#agenda.nextMs <= endMs) {
      this.#agenda.step();
      if (this.#agenda.monotonicMs() > untilMs) {
        untilMs = this.#agenda.monotonicMs() + 1_000;
        steps = 0;
      } else if (++steps > MOST_STEPS) {
        this.#chronicle.break("the daemon comes to rest", `${steps} steps in a second`);
      }
      // Lets go on what waited for it: the longest chain of promises is shorter.
      for (let i = 0; i < 16; i++) await Promise.resolve();
      if (!this.#life.alive && !this.#life.buried) this.#bury();
    }
  }

  // Silences.

  #passOverSilences(endMs: number): void {
    this.#agenda.at(endMs, () => undefined);
    const parts = { agenda: this.#agenda, kernel: this.#kernel, disk: this.#disk };
    const quiet: Quiet = {
      told: () => this.#chronicle.lines.length,
      state: () => {
        this.#checkMemory();
        return stateOf(this.#daemon, parts);
      },
      untilMs: () => this.#nextChangeMs(),
      passed: (ms) => {
        this.#firstBytes ||= heldBytes();
        this.#leptMs += ms;
        this.#kernel.collect();
        this.#kernel.loadedLater(ms);
      },
    };
    void new Silence(this.#agenda, quiet, randomFrom(this.#story.seed));
  }

  /** When the next thing is due that is no repetition; the present where it may be due at any time. */
  #nextChangeMs(): number {
    const nowMs = this.#agenda.monotonicMs();
    const daemon = this.#daemon;
    const isDead = daemon === undefined && !this.#life.alive && this.#life.buried;
    if (!isDead && !this.#isSettled()) return nowMs;
    // Whoever talks moves the end of a grant.
    if (this.#guardWatch.isOnProbation || this.#sessions.size > 0) return nowMs;
    return Math.min(
      nextSeldomMs(this.#agenda),
      this.#kernel.nextEndMs,
      daemon?.opening.ledger.nextEndMs ?? Infinity,
      ...(daemon?.persistent.owed.living() ?? []).map((debt) => this.#dueMs(debt)),
    );
  }

  #isSettled(): boolean {
    const daemon = this.#daemon;
    if (daemon?.hasBegun !== true || !this.#life.alive || this.#death !== undefined) return false;
    if (this.#asking > 0 || daemon.untold > 0 || daemon.guard.state === "probation") return false;
    const { persistent, hearing } = daemon;
    return persistent.waitsUntilMs(hearing.plan.rotating) <= this.#agenda.wallMs();
  }

  /** When a debt is due of which no event tells. */
  #dueMs({ grant, endsMs, lifeMs = Infinity }: Debt): number {
    const grants = this.#daemon?.openings.grants() ?? [];
    if ([...grants].some((living) => placeId(living) === grant)) return Infinity;
    const { wallMs, monotonicMs } = this.#adopted;
    return monotonicMs + Math.min(endsMs - wallMs, lifeMs);
  }

  #checkMemory(): void {
    const timers = this.#agenda.pending().filter((ms) => ms < MINUTE_MS).length;
    if (timers > MOST_TIMERS) {
      this.#chronicle.break("memory is bounded", `${timers} timers run in silence`);
    }
    if (this.#disk.bytes > MOST_FILE_BYTES) {
      const what = `the state folder has ${this.#disk.bytes >> 20} MiB`;
      this.#chronicle.break("memory is bounded", what);
    }
    const log = this.#disk.audit;
    if (log === undefined || this.#diskTrouble.mayLack || this.#daemon === undefined) return;
    const violation = this.#auditWatch.check(readLog(log), this.#agenda.wallMs());
    this.#chronicle.judge(violation);
  }

  // Life and death of the process.

  #start(): void {
    if (this.#life.alive || this.#over) return;
    const life = { alive: true, buried: false };
    this.#life = life;
    this.#death = this.#nextDeath;
    this.#nextDeath = undefined;
    this.#alarms.newLife();
    this.#refusedStarts.clear();
    this.#guardWatch.newLife();
    this.#grantWatch.newLife();
    this.#asking = 0;
    this.#chronicle.note("the daemon starts");
    this.#disturbances.disturb();
    const kernelForgot = !this.#stoppedInOrder && !this.#kernel.hasTable;
    // It takes the marker of the stop before, and may die at once.
    this.#stoppedInOrder = false;
    this.#run(life, () => {
      const daemon = this.#make(life, {
        agenda: this.#agenda,
        kernel: this.#kernel,
        folder: this.#disk.folder,
        bootId: `boot-${this.#boot}`,
        file: this.#disk.configFile,
        sessions: this.#sessions,
        border: (where) => this.#border(life, where),
        run: (work) => this.#run(life, work),
        start: (command) => this.#startCommand(life, command),
        hearing: (event) => {
          if (!life.alive) return;
          const doors = this.#daemon!.inForce.settings.doors;
          this.#closes.hearing(event, doors, this.#agenda.monotonicMs(), this.#diskTrouble.mayLack);
          this.#alarms.hear(event);
          this.#grantWatch.hear(event, this.#agenda.monotonicMs());
        },
        heard: (event) => {
          if (!life.alive) return;
          this.#closes.heard();
          this.#auditWatch.hear(event, this.#agenda.monotonicMs());
          this.#sessionWatch.hear(event);
          this.#chronicle.tally.add(event.type);
          this.#chronicle.note(describeEvent(event));
        },
        note: (line) => {
          if (life.alive) this.#chronicle.note(line);
        },
        feeding: (knock) => {
          this.#oracle.hear(knock, this.#daemon!.hearing.plan.doors, this.#keys.living);
        },
        opening: (request) => this.#openingByHand(request),
        closing: (id) => this.#closing(id),
        entered: () => {
          if (life.alive) this.#entered();
        },
      });
      if (daemon === undefined) return;
      this.#daemon = daemon;
      this.#chronicle.tally.add("start");
      this.#adopted = {
        wallMs: this.#agenda.wallMs(),
        monotonicMs: this.#agenda.monotonicMs(),
      };
      this.#keys.wasRead(this.#keys.listed);
      const waitsUntilMs = daemon.persistent.waitsUntilMs(daemon.hearing.plan.rotating);
      if (daemon.persistent.lost !== undefined && waitsUntilMs > this.#agenda.wallMs()) {
        this.#chronicle.note(`rotating doors wait: ${daemon.persistent.lost}`);
        this.#hasLost = true;
        const waited = this.#agenda.wallMs() - this.#doubtMs < LONGEST_WAIT_MS;
        if (kernelForgot) this.#oracle.lose();
        if (this.#mayWait || kernelForgot) this.#doubtMs = this.#agenda.wallMs();
        else if (!waited) {
          this.#chronicle.break("nobody waits without a reason", daemon.persistent.lost);
        }
      }
      this.#mayWait = this.#diskTrouble.isRefusing;
      daemon.start().catch((error: unknown) => this.#failedStart(life, error));
    });
  }

  /** Undefined where the configuration is refused, and none worked before. */
  #make(life: Life, parts: DaemonParts): Daemon | undefined {
    try {
      const daemon = new Daemon(parts);
      const { mistake, settings } = daemon.inForce.configuration;
      if (mistake === undefined) return daemon;
      const number = numberOf(settings.doors);
      this.#chronicle.note(`the file is broken: configuration ${number} is in force`);
      if (this.#kept.includes(number)) return daemon;
      const what = `${number} is in force, kept ${this.#kept.join(" or ")}`;
      this.#chronicle.break("a broken file leaves what worked last", what);
    } catch (error) {
      if (error instanceof SallyportError && !this.#kept.includes(undefined)) {
        this.#chronicle.break("a broken file ends no start", this.#disk.withoutRoot(error.message));
      }
      this.#failedStart(life, error);
    }
    return undefined;
  }

  /** Another configuration is in force: by a start, a reload, a confirmation or the want of one. */
  #entered(): void {
    this.#disturbances.disturbGently();
    this.#chronicle.note(`configuration ${this.#inForce} is in force`);
    this.#keep();
  }

  /** What is in force is kept, unless nobody has confirmed it yet: then what worked before stays. */
  #keep(): void {
    if (this.#guardWatch.mayGoBack || this.#daemon?.guard.state !== "permanent") return;
    this.#kept = this.#diskTrouble.mayLack
      ? [...new Set([...this.#kept, this.#inForce])]
      : [this.#inForce];
  }

  #failedStart(life: Life, error: unknown): void {
    if (!life.alive) return;
    if (!(error instanceof SallyportError)) {
      this.#fail(error);
      return;
    }
    this.#chronicle.note(`the start failed: ${this.#disk.withoutRoot(error.message)}`);
    this.#die({ left: 0, how: "kill", downMs: 1_000, seed: 0 });
  }

  #border(life: Life, where: string): void {
    if (!life.alive) throw new Killed();
    const death = this.#death;
    if (death === undefined || (death.at !== undefined && death.at !== where)) return;
    if (death.left-- > 0) return;
    this.#chronicle.note(`${death.how} at ${where}`);
    this.#chronicle.tally.add(
      `${death.how} ${this.#daemon?.hasBegun === true ? "at" : "in a start, at"} ${where}`,
    );
    this.#die(death);
    throw new Killed();
  }

  #die(death: Death): void {
    this.#life.alive = false;
    this.#disk.freeze();
    this.#timers.clear();
    this.#death = death;
  }

  #bury(): void {
    const { how, downMs, seed } = this.#death!;
    const nowMs = this.#agenda.monotonicMs();
    this.#death = undefined;
    this.#life.buried = true;
    this.#daemon = undefined;
    this.#disturbances.disturb();
    this.#oracle.lose();
    this.#sessionWatch.logFailed();
    this.#closes.died(nowMs, how === "power cut", this.#diskTrouble.mayLack);
    this.#auditWatch.died(nowMs, how === "power cut" || this.#diskTrouble.mayLack);
    if (how === "kill") this.#disk.outliveProcess();
    else {
      this.#disk.outlivePower(randomFrom(seed));
      this.#newBoot();
    }
    this.#agenda.after(downMs, () => this.#start());
  }

  #newBoot(): void {
    this.#kernel.reboot();
    this.#disturbances.tamper();
    this.#sessions.clear();
    this.#boot++;
    if (!this.#stoppedInOrder) this.#mayWait = true;
  }

  #run(life: Life, work: () => void): void {
    if (!life.alive) return;
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof Killed) return;
    if (!this.#life.alive) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#chronicle.break("the daemon goes on", text);
  }

  // Deeds.

  #do(deed: Deed): void {
    switch (deed.type) {
      case "knock":
        this.#knock(deed.person, deed.door, deed.clockMs, deed.road);
        return;
      case "replay": {
        const sent = this.#sent.at(-1 - deed.back);
        if (sent === undefined) return;
        const from = deed.own ? sent.address : EAVESDROPPER;
        this.#chronicle.note(
          `a knock of ${formatAddress(sent.address)} again, from ${formatAddress(from)}`,
        );
        sent.raced ||= !deed.own;
        this.#alarms.sent(sent, from);
        this.#send(from, sent.ports, deed.road);
        return;
      }
      case "fixed":
        this.#knockFixed(PEOPLE[deed.person]!, deed.closing, deed.road);
        return;
      case "crowd":
        this.#chronicle.note(`${deed.strangers} strangers knock the fixed sequence`);
        for (let i = 0; i < deed.strangers; i++) this.#forge(stranger(deed.first + i), i);
        return;
      case "open":
        this.#ask(`open ${deed.door} for ${PEOPLE[deed.person]!.name}`, async (daemon) => {
          await daemon.open(deed.door, PEOPLE[deed.person]!.address);
        });
        return;
      case "many": {
        const addresses = Array.from({ length: deed.strangers }, (_, i) => stranger(i));
        this.#ask(`open ${deed.door} for ${deed.strangers} strangers`, async (daemon) => {
          await Promise.all(addresses.map((address) => daemon.open(deed.door, address)));
        });
        return;
      }
      case "close":
        this.#ask("close a grant by hand", async (daemon) => {
          const grants = await daemon.grants();
          const misled = mislisted(grants, this.#ledgerOf(daemon), this.#agenda.wallMs());
          this.#chronicle.judge(misled);
          const grant = grants[deed.which % Math.max(1, grants.length)];
          if (grant === undefined) return;
          this.#chronicle.note(`closes ${grant.door} for ${grant.address}`);
          this.#closesAsked.add(grant.id);
          await daemon.close(grant.id);
          this.#oracle.check(this.#kernel);
        });
        return;
      case "connect":
        this.#connect(PEOPLE[deed.person]!, deed.port, deed.forMs);
        return;
      case "reload": {
        const { number, broken, yes, armMs } = deed;
        this.#disk.writeConfig(number, broken);
        const what = `reload ${broken ? "a broken file" : `configuration ${number}`}`;
        const how =
          armMs === undefined ? (yes ? ", yes" : "") : `, on probation for ${armMs / 1_000} s`;
        const asked = armMs === undefined ? undefined : this.#probation(armMs, true);
        const request = { yes, ...(armMs !== undefined && { armMs }) };
        const { listed } = this.#keys;
        const work = async (daemon: Daemon) => {
          await daemon.reload(request);
          this.#keys.wasRead(listed);
        };
        this.#ask(`${what}${how}`, work, asked, true);
        return;
      }
      case "keys":
        this.#changeKeys(deed);
        return;
      case "arm":
        this.#ask(
          `arm for ${deed.forMs / 1_000} s`,
          (daemon) => daemon.arm(deed.forMs),
          this.#probation(deed.forMs, false),
        );
        return;
      case "confirm":
        this.#ask(
          `confirm${deed.force ? " by force" : ""}`,
          (daemon) => daemon.confirm(deed.force),
          { type: "confirm" },
        );
        return;
      case "clock":
        this.#agenda.set(deed.byMs);
        this.#wasSetBack ||= deed.byMs < 0;
        // The slots that a loss made doubtful come again, and are believed.
        if (deed.byMs < 0 && this.#hasLost) this.#oracle.forgive();
        this.#doubtMs = this.#agenda.wallMs();
        this.#oracle.clockWasSet();
        this.#guardWatch.clockWasSet();
        this.#auditWatch.clockWasSet(deed.byMs, this.#agenda.wallMs());
        this.#disturbances.disturb();
        this.#chronicle.note(`somebody sets the clock by ${deed.byMs / 1_000} s`);
        this.#run(this.#life, () => this.#daemon?.clockWasSet());
        return;
      case "kill":
      case "power cut": {
        const { type: how, border: left, downMs, at, next } = deed;
        const death = { left, at, how, downMs, seed: how === "kill" ? 0 : deed.seed };
        if (next === true) this.#nextDeath = death;
        else this.#condemn(death);
        return;
      }
      case "restart":
        this.#restart(deed.downMs, deed.reboot);
        return;
      case "flush":
        this.#chronicle.note("another program flushes the rule set");
        this.#disturbances.tamper();
        this.#kernel.flush();
        return;
      case "empty":
        // Nobody can know of a use that only the kernel knew, and that somebody took from its set.
        if (deed.set === "uses" && !this.#life.alive) return;
        this.#chronicle.note(
          `another program ${deed.single === undefined ? "empties" : "takes one of"} ${deed.set}${deed.unheard ? ", unheard" : ""}`,
        );
        this.#disturbances.tamper();
        this.#kernel.empty((name) => name.startsWith(deed.set), deed.unheard, deed.single);
        return;
      case "spoil":
        this.#chronicle.note("another program adds a rule");
        this.#disturbances.tamper();
        this.#kernel.spoilRules();
        return;
      case "kernel fault":
        this.#chronicle.note(`the kernel is about to have ${deed.fault}`);
        this.#disturbances.disturb();
        this.#kernel.fail(deed.fault);
        return;
      case "late notices":
        this.#chronicle.note(
          `notices of the kernel come late for ${Math.round(deed.forMs / 1_000)} s`,
        );
        this.#disturbances.disturb();
        this.#kernel.delayNotices(deed.forMs, randomFrom(deed.seed));
        return;
      case "disk":
        this.#chronicle.note(
          `the disk refuses: ${deed.code} for ${Math.round(deed.forMs / 1_000)} s`,
        );
        this.#mayWait = true;
        this.#sessionWatch.logFailed();
        this.#diskTrouble.begin(deed.code, deed.forMs);
        return;
      case "no processes":
        this.#noProcesses = deed.times;
        return;
      case "wait":
    }
  }

  #knock(who: number, name: string, clockMs: number, road: Road): void {
    const door = this.#doorNow(name);
    const person = PEOPLE[who]!;
    const { user, device, address } = person;
    const { key, id } = this.#keys.of(who);
    const { space } = door ?? doorsOf(0).find((one) => one.name === name)!;
    const { stepSeconds, skew } = space;
    const slot = slotAt(this.#agenda.wallMs() + clockMs, stepSeconds);
    const ports = [...sequencePorts(key, name, space, slot)];
    const off = clockMs === 0 ? "" : `, whose clock is off by ${clockMs / 1_000} s,`;
    this.#chronicle.note(`${person.name}${off} knocks at ${name}, slot ${slot}`);
    const sent: Sent = { address, door: name, user, device, ports, raced: false };
    this.#sent.push(sent);
    const before = this.#oracle.lastUsed(name, id, stepSeconds);
    const isMember = door?.users.includes(user) === true || door?.users.includes("*") === true;
    const isFirst = door !== undefined && slot > before && isMember && this.#keys.works(id);
    this.#alarms.sent(sent, address);
    const whole = this.#send(address, ports, road);
    if (!isFirst || whole === undefined || !this.#expects()) return;
    if (whole.tookMs > space.windowSeconds * 1_000) return;
    const wasDoubtful = this.#isDoubtful(slot, stepSeconds, skew);
    this.#expect(whole.lastMs, `${person.name} gets in at ${name}`, door, address, () => {
      const own = slotAt(this.#agenda.wallMs(), stepSeconds);
      if (Math.abs(own - slot) > skew || wasDoubtful || sent.raced) return false;
      if (!this.#keys.works(id)) return false;
      const heard = this.#oracle.heardLately(address, this.#agenda.wallMs(), 11_000);
      return heard <= whole.packets + 8;
    });
  }

  #knockFixed(person: Person, closing: boolean, road: Road): void {
    const door = this.#doorNow("legacy");
    const sequence = closing ? door?.closing : door?.fixed;
    if (door === undefined || sequence === undefined) return;
    const { knocks, timeoutMs } = sequence;
    this.#chronicle.note(
      `${person.name} knocks the fixed sequence${closing ? " that closes" : ""}`,
    );
    const ports = knocks.map(({ port }) => port);
    const isCalm = this.#expects();
    const whole = this.#send(person.address, ports, { ...road, gapMs: Math.max(1, road.gapMs) });
    if (closing) this.#disturbances.disturb();
    if (whole === undefined || !isCalm || whole.tookMs > timeoutMs) return;
    const isAlone = () =>
      this.#oracle.heardLately(person.address, this.#agenda.wallMs(), 11_000) <= whole.packets;
    if (closing) {
      this.#expectClosed(whole.lastMs, person, isAlone);
      return;
    }
    const full = (this.#daemon?.opening.ledger.count("legacy") ?? 0) >= door.maxGrants - 1;
    this.#expect(whole.lastMs, `${person.name} gets in at legacy`, door, person.address, () => {
      const others = this.#daemon?.opening.ledger.count("legacy") ?? 0;
      const isFull = full || others >= door.maxGrants;
      return isAlone() && !isFull && this.#daemon?.counters.get("closesOwed") === 0;
    });
  }

  /** Somebody who knows the fixed sequence knocks from any address. */
  #forge(address: Address, number: number): void {
    for (const [i, { port }] of (this.#doorNow("legacy")?.fixed?.knocks ?? []).entries()) {
      this.#agenda.after(1 + 20 * number + i, () => this.#arrive(address, port));
    }
  }

  /** A closing sequence ends what the fixed sequence opened, unless something happens meanwhile. */
  #expectClosed(lastMs: number, { name, address }: Person, counts: () => boolean): void {
    const shaken = this.#disturbances.shaken;
    this.#agenda.after(lastMs + 1, () => {
      if (shaken !== this.#disturbances.shaken || !counts()) return;
      this.#chronicle.tally.add("knock that must close");
      for (const { from } of this.#doorNow("legacy")?.opens ?? []) {
        const set = setOf({ kind: "fixed" }, address.family);
        if (this.#kernel.find(set, keyText(address, from)) === undefined) continue;
        this.#chronicle.break("a closing sequence closes", `${name} stays in at ${from}`);
      }
    });
  }

  /** Sends packets on their way. Returns when the last arrives, where none is lost. */
  #send(
    address: Address,
    ports: readonly number[],
    { lost, doubled, reordered, gapMs, seed }: Road,
  ): { readonly lastMs: number; readonly tookMs: number; readonly packets: number } | undefined {
    const random = randomFrom(seed);
    let firstMs = Infinity;
    let lastMs = 0;
    let packets = 0;
    let whole = true;
    for (const [i, port] of ports.entries()) {
      if (random(100) < lost) {
        whole = false;
        continue;
      }
      const copies = random(100) < doubled ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        const late = random(100) < reordered ? random(3 * gapMs + 1) : 0;
        const ms = 1 + i * gapMs + late + copy * 0.05;
        firstMs = Math.min(firstMs, ms);
        lastMs = Math.max(lastMs, ms);
        packets++;
        this.#agenda.after(ms, () => this.#arrive(address, port));
      }
    }
    return whole ? { lastMs, tookMs: lastMs - firstMs, packets } : undefined;
  }

  #arrive(address: Address, port: number): void {
    const daemon = this.#daemon;
    if (daemon === undefined || !this.#life.alive) return;
    this.#run(this.#life, () => daemon.packet(knockOf(address, port, this.#agenda.wallMs())));
  }

  /** A right knock must open its door, unless something happens meanwhile. */
  #expect(lastMs: number, what: string, door: Door, address: Address, counts: () => boolean): void {
    const [disturbed, shaken] = [this.#disturbances.count, this.#disturbances.shaken];
    const terms = JSON.stringify(door);
    this.#agenda.after(lastMs + 1, () => {
      if (shaken !== this.#disturbances.shaken || !counts()) return;
      if (JSON.stringify(this.#doorNow(door.name)) !== terms) return;
      this.#chronicle.tally.add("knock that must open");
      if (disturbed !== this.#disturbances.count)
        this.#chronicle.tally.add("knock that must open through a reload");
      const nowMs = this.#agenda.monotonicMs();
      const masked =
        address.family === 6 && door.prefix6 === 64 ? maskAddress(address, 64) : address;
      const via = door.fixed === undefined ? "plain" : "fixed";
      const kind = door.uses === "one" ? "once" : door.idleCloseMs !== undefined ? "idle" : via;
      const { idleCloseMs: idleMs = 0 } = door;
      const set = setOf({ kind, idleMs }, address.family);
      // A fixed knock that would renew next to nothing renews nothing.
      const spareMs = kind === "fixed" ? Math.max(2_000, door.openForMs / 20) : 2_000;
      const leastMs = kind === "idle" ? 0 : door.openForMs - lastMs - spareMs;
      const refused = `revoked${address.family}`;
      for (const { from, to } of door.opens) {
        for (let port = from; port <= to; port++) {
          const element = this.#kernel.find(set, keyText(masked, port));
          const isRefused = this.#kernel.find(refused, keyText(masked, port)) !== undefined;
          if (element !== undefined && element.endMs - nowMs > leastMs && !isRefused) continue;
          this.#chronicle.break("a right knock opens", `${what}, port ${port}`);
        }
      }
    });
  }

  #expects(): boolean {
    return (
      this.#daemon?.hasBegun === true &&
      this.#life.alive &&
      this.#death === undefined &&
      this.#story.setSize > 1_000 &&
      this.#kernel.hasTable &&
      this.#kernel.faults.length === 0 &&
      this.#disturbances.steadyMs > 1_000
    );
  }

  #isDoubtful(slot: number, stepSeconds: number, skew: number): boolean {
    if (this.#daemon?.persistent.lost === undefined) return false;
    return slot <= slotAt(this.#doubtMs, stepSeconds) + skew;
  }

  #doorNow(name: string): Door | undefined {
    return this.#daemon?.hearing.plan.doors.find((door) => door.name === name);
  }

  #ask(what: string, work: (daemon: Daemon) => Promise<void>, asked?: Asked, gently = false): void {
    const daemon = this.#daemon;
    this.#chronicle.note(`somebody asks: ${what}`);
    if (gently) this.#disturbances.disturbGently();
    else this.#disturbances.disturb();
    if (daemon?.hasBegun !== true) return;
    if (asked !== undefined) this.#guardWatch.ask(asked);
    this.#asking++;
    this.#run(this.#life, () => {
      work(daemon).then(
        () => this.#answered(daemon, asked, true),
        (error: unknown) => {
          if (daemon !== this.#daemon || !this.#life.alive) return;
          if (!(error instanceof SallyportError)) this.#fail(error);
          else this.#chronicle.note(`refused: ${this.#disk.withoutRoot(error.message)}`);
          // Knocks were heard by what was refused, for a moment.
          this.#disturbances.disturb();
          this.#answered(daemon, asked, false);
        },
      );
    });
  }

  #answered(daemon: Daemon, asked: Asked | undefined, done: boolean): void {
    if (daemon !== this.#daemon || !this.#life.alive) return;
    if (asked !== undefined) this.#guardWatch.answered(done);
    if (--this.#asking > 0) return;
    const disturbed = this.#disturbances.count;
    this.#agenda.after(SETTLED_MS, () => {
      if (disturbed === this.#disturbances.count) this.#contradict(daemon);
    });
  }

  #contradict(daemon: Daemon): void {
    if (!this.#life.alive || !daemon.hasBegun || this.#asking > 0) return;
    const violation = contradiction(daemon, this.#kernel) ?? strangeKey(daemon, this.#keys.living);
    this.#chronicle.judge(violation);
  }

  #changeKeys({ person, how, told, keepSessions }: Extract<Deed, { type: "keys" }>): void {
    this.#keys.change(person, how);
    this.#disk.writeKeys(this.#keys.text);
    const words = { remove: "removes", return: "puts back", replace: "replaces" }[how];
    this.#chronicle.note(`somebody ${words} the key of ${PEOPLE[person]!.name} in the file`);
    if (!told) return;
    const { listed } = this.#keys;
    const work = async (daemon: Daemon) => {
      await daemon.reloadKeys(keepSessions);
      const gone = this.#keys.wasRead(listed);
      if (keepSessions) return;
      for (const { id } of gone) this.#oracle.revoke(id);
      this.#oracle.check(this.#kernel);
      if (this.#diskTrouble.mayLack) return;
      const violation = this.#sessionWatch.removed(
        gone.map(({ id }) => id),
        gone.map(({ user, device }) => `${user}/${device}`),
        daemon.inForce.settings.doors,
        await daemon.grants(),
      );
      this.#chronicle.judge(violation);
    };
    this.#ask(`read the keys${keepSessions ? ", keep sessions" : ""}`, work, undefined, true);
  }

  #probation(forMs: number, byReload: boolean): Asked {
    return { type: "probation", forMs, back: this.#guardWatch.backAfter(byReload) };
  }

  get #inForce(): number {
    return numberOf(this.#daemon?.inForce.settings.doors ?? []);
  }

  #openingByHand({ door: name, address }: Request<"open">): void {
    const door = this.#doorNow(name);
    if (door !== undefined) this.#oracle.permitHand(door, address, door.openForMs);
  }

  #ledgerOf({ opening }: Daemon): readonly Grant[] {
    return opening.ledger.list(this.#agenda.monotonicMs(), this.#agenda.wallMs());
  }

  #closing(id: string): () => void {
    const daemon = this.#daemon!;
    const grant = daemon.opening.ledger.get(id);
    if (grant === undefined) return () => undefined;
    const { user = "", device = "", door } = grant;
    if (!this.#closesAsked.delete(id) && !this.#keys.hasChanged(user, device)) {
      this.#chronicle.break("a grant ends for a reason", `nobody asks to close that of ${door}`);
    }
    const closed = this.#sessionWatch.closing(grant, () => this.#ledgerOf(daemon));
    this.#grantWatch.closing(id);
    return () => {
      this.#oracle.forget(id);
      const violation = closed();
      this.#chronicle.judge(violation);
    };
  }

  #condemn(death: Death): void {
    if (!this.#life.alive) return;
    this.#disturbances.disturb();
    this.#death = death;
    // Such a border may never come.
    if (death.at === undefined) return;
    this.#agenda.after(PATIENT_MS, () => {
      if (this.#death === death && this.#life.alive) this.#death = undefined;
    });
  }

  #restart(downMs: number, reboot: boolean): void {
    const daemon = this.#daemon;
    if (daemon?.hasBegun !== true || !this.#life.alive) return;
    this.#chronicle.note(reboot ? "the machine is rebooted in order" : "the daemon is restarted");
    this.#disturbances.disturb();
    const life = this.#life;
    this.#run(life, () => {
      daemon.stop().then(
        () => {
          if (!life.alive) return;
          this.#stoppedInOrder = true;
          this.#die({ left: 0, how: "kill", downMs, seed: 0 });
          if (reboot) this.#newBoot();
        },
        (error: unknown) => this.#fail(error),
      );
    });
  }

  // Connections.

  #connect(person: Person, port: number, forMs: number): void {
    const { address } = person;
    const session = { address, port, peerPort: this.#peerPorts++ };
    const verdict = this.#syn(session);
    this.#chronicle.note(`${person.name} connects to ${port}: ${verdict}`);
    if (verdict === "denied") return;
    this.#sessions.add(session);
    const endMs = this.#agenda.monotonicMs() + forMs;
    const talk = () => {
      if (!this.#sessions.has(session)) return;
      if (this.#agenda.monotonicMs() > endMs) this.#sessions.delete(session);
      else {
        this.#renew(session);
        this.#agenda.after(4_000, talk);
      }
    };
    this.#agenda.after(200, talk);
  }

  /** As the rules judge the first packet of a connection. */
  #syn(session: LivingSession): "accepted" | "denied" | "not guarded" {
    const { address, port } = session;
    const kernel = this.#kernel;
    if (!kernel.isGuarded(port)) return "not guarded";
    const sources = placesOf(address);
    const { family } = address;
    const holds = (set: string) =>
      sources.find((source) => kernel.find(set, keyText(source, port)) !== undefined);
    if (holds(`revoked${family}`) !== undefined) return "denied";
    const open = [`grants${family}`, `fixed${family}`, ...this.#idleSets(family)];
    let admitted = open.map(holds).find((source) => source !== undefined);
    const isOnce = admitted === undefined;
    admitted ??= holds(`one${family}`);
    if (admitted === undefined) return "denied";
    const text = formatAddress(admitted);
    if (!this.#oracle.may(text, port)) {
      const what = `a connection of ${text} to ${port}`;
      this.#chronicle.break("no door is open without a living grant", what);
    }
    const reasons = sources.flatMap((source) =>
      this.#oracle.admissions(formatAddress(source), port),
    );
    this.#sessionWatch.admitted(session, reasons);
    if (isOnce) {
      this.#disturbances.spend();
      kernel.spend(`one${family}`, keyText(admitted, port));
      this.#oracle.spentOnce(text, port);
      this.#grantWatch.spent(text, port);
    }
    return "accepted";
  }

  #renew({ address, port }: LivingSession): void {
    const { family } = address;
    const sources = placesOf(address);
    for (const name of this.#idleSets(family)) {
      const idleMs = parseDuration(name.split("_")[1]!)!;
      for (const source of sources) {
        const key = keyText(source, port);
        const element = this.#kernel.find(name, key);
        const cap = this.#kernel.find(name.replace("idle", "cap"), key);
        if (element !== undefined && cap !== undefined) {
          element.endMs = this.#agenda.monotonicMs() + idleMs;
          const text = formatAddress(source);
          this.#grantWatch.talked(text, port, element.endMs);
          this.#oracle.renewed(name, text, element.endMs);
        }
      }
    }
  }

  #idleSets(family: number): string[] {
    return this.#kernel.setNames().filter((name) => name.startsWith(`idle${family}`));
  }

  // Commands.

  async #startCommand(life: Life, { argv }: Command): Promise<Program> {
    this.#border(life, "the start of a command");
    const [program = "", door = "", address = ""] = argv;
    const nowMs = this.#agenda.monotonicMs();
    const words = argv.join(" ");
    if (nowMs - (this.#refusedStarts.get(words) ?? -Infinity) < START_PAUSE_MS) {
      this.#chronicle.break("the daemon comes to rest", `${words} again, without a pause`);
    }
    if (this.#noProcesses > 0) {
      this.#noProcesses--;
      this.#chronicle.tally.add("no process for a command");
      this.#refusedStarts.set(words, nowMs);
      throw Object.assign(new Error("no process"), { code: "EAGAIN" });
    }
    this.#chronicle.note(`runs ${words}`);
    if (program === "/bin/close") {
      const early = this.#closes.started(door, address, this.#agenda.monotonicMs());
      this.#chronicle.judge(early);
    }
    this.#border(life, "the reply to the start of a command");
    const { promise, resolve } = Promise.withResolvers<{ exitCode: number; signal: null }>();
    this.#agenda.after(200, () => this.#run(life, () => resolve({ exitCode: 0, signal: null })));
    return await Promise.resolve({ ended: promise });
  }

  // Promises.

  #check(): void {
    if (this.#over) return;
    this.#agenda.after(CHECK_MS, () => this.#check());
    const rest = this.#restState();
    if (rest !== undefined && rest === this.#restChecked) return;
    this.#restChecked = rest;
    this.#oracle.check(this.#kernel);
    const quietMs = this.#disturbances.quietMs;
    const daemon = this.#daemon;
    const crowded = daemon && crowd(daemon, this.#kernel);
    this.#chronicle.judge(crowded);
    // The daemon looks for spent grants a few times a second.
    const isSettled = this.#disturbances.unspentMs > 1_000;
    if (daemon !== undefined && isSettled) this.#oracle.checkTold(this.#ledgerOf(daemon));
    const isCalm = daemon?.hasBegun === true && this.#life.alive && quietMs > CHECK_MS;
    this.#guardWatch.check(isCalm ? daemon.guard.state : undefined);
    if (daemon !== undefined && quietMs > SETTLED_MS) this.#contradict(daemon);
    if (!isCalm || daemon.untold > 0) return;
    if (!this.#diskTrouble.mayLack) this.#oracle.keep();
    this.#keep();
    const lost = this.#grantWatch.check(daemon.openings.grants(), this.#agenda.monotonicMs());
    this.#chronicle.judge(lost);
    if (this.#story.setSize < 1_000 || this.#disturbances.unspentMs < 1_000) return;
    // What the daemon itself does needs no repair.
    const untouchedMs = this.#disturbances.untamperedMs;
    const violation =
      Math.max(quietMs, untouchedMs) < QUIET_MS
        ? unnoticed(daemon, this.#kernel, this.#agenda)
        : disagreement(daemon, this.#kernel, this.#agenda);
    this.#chronicle.judge(violation);
    const servedMs = this.#agenda.monotonicMs() - Math.max(0, ...this.#refusedStarts.values());
    const isServed = this.#noProcesses === 0 && servedMs > REFUSED_MS && !this.#diskTrouble.mayLack;
    const patienceMs = daemon.counters.get("commandsWaiting") > 0 ? CROWD_MS : LATE_MS;
    const late = isServed ? this.#closes.late(this.#agenda.monotonicMs() - patienceMs) : undefined;
    this.#chronicle.judge(late);
  }

  /** Equal as long as nothing has changed; undefined where time alone may change what a check finds. */
  #restState(): string | undefined {
    const quietMs = this.#disturbances.quietMs;
    const daemon = this.#daemon;
    if (daemon?.hasBegun !== true || !this.#life.alive || quietMs < QUIET_MS) return undefined;
    if (daemon.untold > 0 || this.#diskTrouble.mayLack || this.#guardWatch.isOnProbation)
      return undefined;
    const endMs = Math.min(daemon.opening.ledger.nextEndMs, this.#kernel.nextEndMs);
    const endsSoon = endMs - this.#agenda.monotonicMs() < 2 * CHECK_MS;
    if (endsSoon || this.#sessions.size > 0) return undefined;
    return `${this.#disturbances.count} ${this.#kernel.changes} ${this.#chronicle.lines.length} ${endMs}`;
  }

  /** Nothing disturbs any more: everything has the time to come to its end. */
  #rest(): void {
    this.#chronicle.note("everybody leaves");
    this.#disk.writeConfig(Math.max(0, this.#inForce), false);
    this.#diskTrouble.mend();
    this.#kernel.mend();
    this.#noProcesses = 0;
    this.#nextDeath = undefined;
    if (this.#life.alive) this.#death = undefined;
    this.#disturbances.disturb();
  }

  #checkEnd(): void {
    const daemon = this.#daemon;
    if (daemon?.hasBegun !== true) {
      this.#chronicle.break("the daemon goes on", "it does not run at the end");
      return;
    }
    const { size } = daemon.opening.ledger;
    if (size > 0) this.#chronicle.break("every grant ends", `${size} are left in the ledger`);
    const uses = this.#kernel.living("uses")?.length ?? 0;
    // A clock that was set back makes later slots of those that were used.
    if (uses > 0 && !this.#wasSetBack)
      this.#chronicle.break("memory is bounded", `${uses} uses are left`);
    const due = daemon.persistent.owed.dueCount;
    if (due > 0) this.#chronicle.break("every close command runs", `${due} are due`);
    const violation = this.#closes.check();
    this.#chronicle.judge(violation);
    const moreBytes = this.#firstBytes > 0 ? heldBytes() - this.#firstBytes : 0;
    if (moreBytes > MOST_GROWTH_BYTES) {
      const what = `${moreBytes >> 20} MiB more than after the first silence`;
      this.#chronicle.break("memory is bounded", what);
    }
  }
}

/** What all living objects take; the processor needs a tenth of a second to find them. */
function heldBytes(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

function knockOf({ family, a0, a1, a2, a3 }: Address, port: number, timeMs: number): Knock {
  const source = { s0: a0, s1: a1, s2: a2, s3: a3 };
  return { ...emptyKnock(), family, proto: PROTO_NUMBER.tcp, port, timeMs, ...source };
}

function readLog(log: Database): Logged {
  const of = (question: string, ...about: number[]) =>
    log.query<{ answer: number | null }, number[]>(question).get(...about)?.answer ?? 0;
  return {
    count: of("SELECT count(*) AS answer FROM records"),
    newestMs: of("SELECT at_ms AS answer FROM records ORDER BY id DESC LIMIT 1"),
    olderThan: (ms) =>
      of(
        `SELECT count(*) AS answer FROM records WHERE at_ms < ?1
         AND id < (SELECT min(id) FROM records WHERE at_ms >= ?1)`,
        ms,
      ),
    openingsSince: (ms) =>
      of(
        "SELECT count(*) AS answer FROM records WHERE type = 'grant.opened' AND at_ms >= ?",
        Math.min(ms, Number.MAX_SAFE_INTEGER),
      ),
  };
}

function describeEvent(event: DaemonEvent): string {
  switch (event.type) {
    case "grant.opened":
    case "grant.restored":
    case "grant.closed": {
      const { door, address, via } = event.grant;
      const reason = event.type === "grant.closed" ? `, ${event.reason}` : "";
      return `event: ${event.type} ${door} ${address} ${via}${reason}`;
    }
    default:
      return `event: ${event.type}${"message" in event ? `: ${event.message}` : ""}`;
  }
}
