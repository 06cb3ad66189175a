/**
 * Watches the guard: compares it with the intended one, has it repaired, and follows a probation to
 * its end.
 */

import type { Settings } from "../../config/settings.ts";
import type { Clock } from "../../core/clock.ts";
import type { Counters } from "../../core/counters.ts";
import { formatDuration } from "../../core/duration.ts";
import { messageOf } from "../../core/errors.ts";
import type { DaemonEvent } from "../../core/events.ts";
import type { GuardPlan } from "../../firewall/guard-plan.ts";
import type { OwnRecord } from "../../store/audit-record.ts";
import type { StoreNotice } from "../../store/state-file.ts";
import { AnswerWatch } from "./answer-watch.ts";
import type { Audited } from "./grant-audit.ts";
import { type GuardKernel, GuardLoader, type GuardState, type HeldTerms } from "./guard-loader.ts";
import { log } from "../log.ts";
import { ProbationRecord } from "./probation-record.ts";
import type { Readiness } from "../readiness.ts";

/** The kernel is audited this often, even when no event says that somebody touched it. */
const AUDIT_MS = 30_000;

/** After a repair that failed, the next one comes this soon, and then twice as late each time: the ports may be open. */
const FIRST_AGAIN_MS = 1_000;
const LAST_AGAIN_MS = 16_000;

export interface GuardAuditParts {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly readiness: Readiness;
  /** The terms of living grants, and for how long uses may be known to nobody else. */
  readonly held: () => HeldTerms;
  /** Puts back grants and uses that are missing in the kernel. */
  readonly repairGrants: () => Promise<Audited>;
  readonly emit: (event: DaemonEvent) => void;
  /** The guard as a whole changed; for the audit log. */
  readonly note: (record: GuardRecord) => void;
  /**
   * A probation is over without a confirmation: puts back the configuration before it, by
   * `restore`; false where it cannot, or where it is not over (`isOver`) any more.
   */
  readonly goBack: () => Promise<boolean>;
  /**
   * The outcome of a probation without a confirmation: the ports open, or the configuration before
   * it returns.
   */
  readonly otherwise: () => "open" | "back";
  /** The state folder refuses the record of a probation, or takes it again. */
  readonly report: (notice: StoreNotice) => void;
  /** Default: the kernel that runs. */
  readonly kernel?: GuardKernel;
}

type GuardRecord = Extract<
  OwnRecord,
  { type: "guard.probation" | "guard.confirmed" | "guard.lapsed" | "guard.answer" }
>;

const HOW_TO_CONFIRM = "knock, connect, and run sallyport confirm there";

/** "58s": the rest of a probation in whole seconds. */
function aboutSeconds(ms: number): string {
  return formatDuration(Math.max(1_000, Math.round(ms / 1_000) * 1_000));
}

export class GuardAudit {
  readonly #parts: GuardAuditParts;
  readonly #guardLoader: GuardLoader;
  readonly #answers: AnswerWatch;
  readonly #record: ProbationRecord;
  #probationTimer: NodeJS.Timeout | undefined;
  #auditTimer: NodeJS.Timeout | undefined;
  #againTimer: NodeJS.Timeout | undefined;
  #againMs = FIRST_AGAIN_MS;
  /** Since when a repair of the rules goes on, which is told once they and the grants are back. */
  #untoldSinceMs: number | undefined;
  #auditing: Promise<void> = Promise.resolve();
  /** The last audit in the chain has not begun. */
  #waiting = false;
  /** Between `watch` and `stop`. */
  #watching = false;

  constructor(settings: Settings, parts: GuardAuditParts) {
    this.#parts = parts;
    this.#guardLoader = new GuardLoader(settings, parts.clock, parts.held, parts.kernel);
    this.#answers = new AnswerWatch({
      clock: parts.clock,
      loader: this.#guardLoader,
      audit: () => void this.audit(),
      followed: (message) => {
        log("info", message);
        parts.note({ type: "guard.answer", atMs: parts.clock.wallMs(), message });
      },
    });
    this.#record = new ProbationRecord(settings.server.stateDir, parts.report);
  }

  /**
   * Loads the guard for the first time: permanent, on a probation of `armMs`, or continuing the
   * probation that an earlier daemon began. `deny`: as `denyOf` returned it a
   * moment ago in `tookMs`; default: what it returns then. Returns how many living sessions it kept.
   * Throws OpError.
   */
  loadFirst(
    settings: Settings,
    armMs: number | undefined,
    deny?: GuardPlan["deny"],
    tookMs = 0,
  ): number {
    const { clock } = this.#parts;
    this.#answers.decided(tookMs);
    const earlierMs = this.#record.leftMs(clock.wallMs());
    const leftMs = armMs ?? earlierMs;
    const adopted = this.#guardLoader.adopt();
    if (leftMs === undefined) this.#guardLoader.load(settings, deny);
    else if (leftMs === 0) this.#lapse();
    else {
      const load = () => this.#guardLoader.arm(leftMs, settings, deny);
      if (armMs === undefined) this.#goOn(leftMs, load);
      else this.#beginProbation(leftMs, "open", load);
      const begins = armMs === undefined ? "The probation goes on" : "Guarding on probation";
      log(
        "warning",
        `${begins} for ${aboutSeconds(leftMs)}: ${HOW_TO_CONFIRM}, or the ports open again`,
      );
    }
    return adopted;
  }

  /** From now on the guard is audited, regularly and whenever `audit` is called. */
  watch(): void {
    this.#watching = true;
    this.#parts.counters.set("enforcedShare", 1);
    this.#auditTimer = setInterval(() => void this.audit(), AUDIT_MS);
  }

  /**
   * Loads the guard of a new configuration, on a probation of `armMs` if given. Throws OpError; the
   * old one then stays in force.
   */
  replace(next: Settings, armMs?: number): void {
    this.#guardLoader.adoptNew(next);
    if (armMs === undefined) {
      this.#guardLoader.load(next);
      return;
    }
    const otherwise = this.#guardLoader.state === "permanent" ? "back" : this.#parts.otherwise();
    this.#beginProbation(armMs, otherwise, () => this.#guardLoader.arm(armMs, next));
  }

  /**
   * Loads the guard of an earlier configuration for good, also where the state folder takes no record of it. Throws
   * OpError; everything is then as before.
   */
  restore(before: Settings): void {
    this.#guardLoader.loadForGood(before);
    this.#record.end();
    this.#watchProbation();
  }

  /** Whether a probation is running out: in a moment the kernel stops guarding by itself. */
  get isOver(): boolean {
    return this.#guardLoader.isOver;
  }

  get state(): GuardState {
    return this.#guardLoader.state;
  }

  /** Milliseconds until the end of the probation; undefined without one. */
  get leftMs(): number | undefined {
    return this.#guardLoader.leftMs;
  }

  /** Begins a probation; resolves to a sentence for the person who asked for it. */
  async arm(forMs: number): Promise<string> {
    // No audit runs while the guard is being changed on purpose.
    await this.#auditing;
    const otherwise = this.#parts.otherwise();
    this.#beginProbation(forMs, otherwise, () => this.#guardLoader.arm(forMs));
    const comes =
      otherwise === "open" ? "the ports open again" : "the configuration before returns";
    const sentence = `Guarding on probation for ${formatDuration(forMs)}: ${HOW_TO_CONFIRM}, or ${comes}`;
    log("warning", sentence);
    return sentence;
  }

  /**
   * Ends a probation for good. Throws a SallyportError when the proof is missing, unless `force`.
   */
  async confirm(force: boolean): Promise<string> {
    await this.#auditing;
    this.#guardLoader.confirm(force);
    const refusal = this.#record.end();
    this.#watchProbation();
    const { clock, note } = this.#parts;
    note({ type: "guard.confirmed", atMs: clock.wallMs(), forced: force });
    const sentence = `Confirmed${force ? " without a proof" : ""}: the guard is permanent`;
    log("info", sentence);
    return refusal === undefined ? sentence : `${sentence}\n${refusal}`;
  }

  /** Tries again to write what the state folder refused. */
  keepAgain(): void {
    this.#record.again();
  }

  /**
   * One audit at a time. All changes during one lead to a single further audit: a program that
   * changes the table in a loop must not queue up work.
   */
  audit(): Promise<void> {
    if (this.#waiting) return this.#auditing;
    this.#waiting = true;
    this.#auditing = this.#auditing.then(() => {
      this.#waiting = false;
      return this.#auditOnce();
    });
    return this.#auditing;
  }

  /** The rules of another table changed: an audit follows, soon but not often. */
  heardOthers(): void {
    if (this.#watching) this.#answers.heard();
  }

  hear(event: DaemonEvent): void {
    this.#guardLoader.hear(event);
  }

  /** Takes the guard out of the kernel. */
  remove(): void {
    this.#guardLoader.remove();
  }

  /** Ends the watch, and waits for the running audit; the guard stays as it is. */
  async stop(): Promise<void> {
    this.#watching = false;
    clearInterval(this.#auditTimer);
    clearTimeout(this.#againTimer);
    clearTimeout(this.#probationTimer);
    this.#answers.stop();
    await this.#auditing;
  }

  #goOn(leftMs: number, load: () => void): void {
    const atMs = this.#parts.clock.wallMs();
    this.#record.goOn(atMs, leftMs);
    load();
    this.#begun(atMs, leftMs, "open");
  }

  #beginProbation(forMs: number, otherwise: "open" | "back", load: () => void): void {
    const atMs = this.#parts.clock.wallMs();
    // First of all: a start after a crash would take the guard for a permanent one.
    const undo = this.#record.begin(atMs, forMs);
    try {
      load();
    } catch (error) {
      undo();
      throw error;
    }
    this.#begun(atMs, forMs, otherwise);
  }

  #begun(atMs: number, forMs: number, otherwise: "open" | "back"): void {
    this.#watchProbation();
    this.#parts.note({ type: "guard.probation", atMs, untilMs: atMs + forMs, otherwise });
  }

  /** The kernel ends a probation by itself; this notices and reports it. */
  #watchProbation(): void {
    const { readiness } = this.#parts;
    clearTimeout(this.#probationTimer);
    readiness.clear("probation");
    const { lapsesInMs } = this.#guardLoader;
    if (lapsesInMs === undefined) return;
    this.#probationTimer = setTimeout(() => void this.#endProbation(), lapsesInMs);
  }

  async #endProbation(): Promise<void> {
    // The timer may have fired a little early.
    if (!this.#guardLoader.isOver) {
      this.#watchProbation();
      return;
    }
    if (await this.#parts.goBack()) return;
    // Confirmed, or begun anew, before or during the attempt.
    if (!this.#guardLoader.isOver) return;
    this.#lapse();
  }

  /** Stops guarding all ports. Where the kernel refuses, it opens them by itself. */
  #lapse(): void {
    const { clock, note, readiness } = this.#parts;
    const remedy = "begin again with sallyport arm";
    readiness.set("probation", `nobody confirmed the probation in time: ${remedy}`);
    log("error", `Nobody confirmed in time: nothing is guarded any more: ${remedy}`);
    // First of all, and whatever the kernel says: a clock that is set back begins nothing anew.
    this.#record.lapse(clock.wallMs());
    try {
      this.#guardLoader.lapse();
    } catch (error) {
      log("error", messageOf(error));
    }
    note({ type: "guard.lapsed", atMs: clock.wallMs() });
  }

  /**
   * Compares the kernel with the intended guard and grants, and puts back those that are missing; and the answer of
   * guarded ports with that of closed ones.
   */
  async #auditOnce(): Promise<void> {
    if (!this.#watching) return;
    await this.#repair();
    // Stopped meanwhile, it is left as it is.
    if (this.#watching) this.#answers.look();
  }

  async #repair(): Promise<void> {
    const { clock, counters, readiness, repairGrants, emit } = this.#parts;
    const before = this.#untoldSinceMs ?? clock.monotonicMs();
    try {
      // Gives the kernel its sign of life before the comparison: the load moves the end of
      // open_after.
      const { mustRefresh, mustForgetDoubt, isUnseen } = this.#guardLoader;
      if (isUnseen || ((mustRefresh || mustForgetDoubt) && this.#guardLoader.intact()))
        this.#guardLoader.repair();
      const rules = !this.#guardLoader.intact();
      if (rules) {
        readiness.set("firewall", "Somebody else changed the rule set; it is being repaired");
        // First of all: it may fail once the rules are back, and the next audit finds nothing amiss.
        this.#untoldSinceMs = before;
        this.#guardLoader.repair();
      }
      const { missing, intended, full } = await repairGrants();
      if (!full) readiness.foundRoom();
      counters.set("enforcedShare", rules ? 0 : intended === 0 ? 1 : 1 - missing / intended);
      readiness.clear("firewall");
      this.#againMs = FIRST_AGAIN_MS;
      const tells = this.#untoldSinceMs !== undefined;
      this.#untoldSinceMs = undefined;
      if (tells) counters.add("guardRepairs");
      if (!tells && missing === 0) return;
      const tookMs = clock.monotonicMs() - before;
      emit({ type: "guard.repaired", atMs: clock.wallMs(), rules: tells, grants: missing, tookMs });
    } catch (error) {
      counters.set("enforcedShare", 0);
      readiness.set("firewall", messageOf(error));
      log("error", messageOf(error));
      this.#repairAgain();
    }
  }

  #repairAgain(): void {
    clearTimeout(this.#againTimer);
    if (!this.#watching) return;
    this.#againTimer = setTimeout(() => void this.audit(), this.#againMs);
    this.#againMs = Math.min(2 * this.#againMs, LAST_AGAIN_MS);
  }
}
