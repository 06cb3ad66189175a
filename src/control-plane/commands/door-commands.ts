/** The commands of doors: one when a grant opens, and its counterpart exactly once when the grant ends. */

import { fillPlaceholders } from "../../config/run-command.ts";
import type { Door } from "../../config/settings.ts";
import type { CommandEnd, CommandKind } from "../../core/command-end.ts";
import type { Counters } from "../../core/counters.ts";
import type { DaemonEvent } from "../../core/events.ts";
import { type Grant, placeId } from "../../core/grant.ts";
import type { Claim, Debt, OwedCommands } from "../../store/owed.ts";
import type { CommandQueue } from "./command-queue.ts";
import { commandTale } from "./command-tale.ts";

/** A debt that no event will call due. */
interface Orphan {
  readonly grant: string;
  /** Monotonic milliseconds: setting the wall clock moves no end of a grant. */
  readonly dueMs: number;
}

/** One moment by both clocks. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export interface DoorCommandsParts {
  readonly queue: Pick<CommandQueue, "add">;
  readonly owed: OwedCommands;
  /** Receives how many close commands are due. */
  readonly counters: Counters;
  /**
   * Receives the fixed doors that must not open any more because they owe too many close commands,
   * whenever these change.
   */
  readonly behind: (doors: readonly string[]) => void;
  readonly ended: (end: CommandEnd) => void;
}

export class DoorCommands {
  readonly #parts: DoorCommandsParts;
  /**
   * Debts of an earlier daemon whose grants are gone from the kernel: no event will report their
   * end.
   */
  #orphans: Orphan[] = [];
  #doors: readonly Door[] = [];
  /** Close commands that are due, by door. */
  readonly #due = new Map<string, number>();
  readonly #behind = new Set<string>();

  constructor(parts: DoorCommandsParts) {
    this.#parts = parts;
  }

  /**
   * Follows grants. The command owed at the end is recorded at the beginning, as the door has it
   * then.
   */
  hear(event: DaemonEvent, doors: readonly Door[]): void {
    this.#doors = doors;
    if (event.type === "grant.closed") {
      if (event.shared !== true) this.#end(placeId(event.grant));
      return;
    }
    if (event.type !== "grant.opened") return;
    const { grant } = event;
    // Commands belong to the address: one runs when the first holder opens the door to it, one when
    // the last holder's grant ends.
    const place = placeId(grant);
    const renewed = event.renewed || event.shared === true;
    // Its end will be told: the debt waits for that, and covers what an earlier daemon opened.
    const adopted = this.#orphans.some((orphan) => orphan.grant === place);
    if (adopted) this.#orphans = this.#orphans.filter((orphan) => orphan.grant !== place);
    const run = doors.find(({ name }) => name === grant.door)?.run;
    if (run === undefined) return;
    const { privileged } = run;
    if (run.close !== undefined) {
      const debt = debtOf(grant, run.close, privileged, event.atMs);
      if (renewed || adopted) this.#parts.owed.extend(place, debt.endsMs, debt.lifeMs);
      else this.#parts.owed.owe(debt);
    }
    if (run.open === undefined || renewed) return;
    const argv = fillPlaceholders(run.open, facts(grant));
    const about = this.#about("open", { ...grant, argv, privileged });
    this.#parts.queue.add({ argv, privileged, chain: place, ...about });
  }

  /**
   * After a start: close commands that an earlier daemon left owed are run when their time has come,
   * and living grants whose opening it did not live to record owe theirs from now on.
   */
  adopt(living: readonly Grant[], doors: readonly Door[], { wallMs, monotonicMs }: Now): void {
    this.#doors = doors;
    const ids = new Set(living.map(placeId));
    const { owed } = this.#parts;
    const due = owed.due();
    this.#orphans = owed.living().flatMap(({ grant, endsMs, lifeMs = Infinity }) => {
      // A machine without a clock of its own starts in 1970.
      const leftMs = Math.min(endsMs - wallMs, lifeMs);
      return ids.has(grant) ? [] : { grant, dueMs: monotonicMs + leftMs };
    });
    // Beside debts that were left to another user's daemon, these may be among them.
    if (owed.leftCount === 0) for (const grant of living) this.#oweLate(grant, wallMs);
    const owing = new Map(owed.living().map((debt) => [debt.grant, debt]));
    const isCovered = (claim: Claim) => isSameCommand(claim, owing.get(claim.grant));
    // The door was opened again, which nobody may have lived to record: the same command closes both.
    for (const claim of due) if (isCovered(claim)) owed.settle(claim.number);
    for (const claim of due) if (!isCovered(claim)) this.#pay(claim);
    this.payDue(monotonicMs);
  }

  /** Whether its open command ran is unknown; a grant that owes already keeps its debt. */
  #oweLate(grant: Grant, wallMs: number): void {
    const run = this.#doors.find(({ name }) => name === grant.door)?.run;
    if (run?.close === undefined) return;
    this.#parts.owed.owe(debtOf(grant, run.close, run.privileged, wallMs));
  }

  /** Pays the due debts. Call it every second or so while it returns true: some are left. */
  payDue(monotonicMs: number): boolean {
    const due = this.#orphans.filter(({ dueMs }) => dueMs <= monotonicMs);
    this.#orphans = this.#orphans.filter(({ dueMs }) => dueMs > monotonicMs);
    for (const { grant } of due) this.#end(grant);
    return this.#orphans.length > 0;
  }

  #end(grant: string): void {
    const claim = this.#parts.owed.end(grant);
    if (claim !== undefined) this.#pay(claim);
  }

  #pay(claim: Claim): void {
    const { queue, owed: debts } = this.#parts;
    const { argv, privileged, number, again, grant, door } = claim;
    const about = this.#about("close", claim);
    // The daemon that began it died in that very moment: twice is better than never.
    const what = again ? `${about.what}, which may have run before` : about.what;
    const owed = {
      begin: () => debts.begin(number),
      postpone: () => debts.postpone(number),
      settle: () => {
        debts.settle(number);
        this.#count(door, -1);
      },
    };
    this.#count(door, 1);
    queue.add({ argv, privileged, chain: grant, ...about, what, owed });
  }

  #count(door: string, by: 1 | -1): void {
    const due = (this.#due.get(door) ?? 0) + by;
    if (due === 0) this.#due.delete(door);
    else this.#due.set(door, due);
    this.#parts.counters.set("closesOwed", this.#parts.owed.dueCount);
    this.#judge(door, due);
  }

  /**
   * A close command is never dropped, and knocks at a fixed door can be forged for ever. So the door opens to
   * no more addresses than may hold it until their close commands have started.
   */
  #judge(name: string, due: number): void {
    const door = this.#doors.find((one) => one.name === name);
    const most = door?.fixed === undefined ? Infinity : door.maxGrants;
    const before = this.#behind.size;
    if (due >= most) this.#behind.add(name);
    else if (due <= most / 2) this.#behind.delete(name);
    if (this.#behind.size !== before) this.#parts.behind([...this.#behind]);
  }

  #about(
    command: CommandKind,
    { door, address, argv, privileged }: Pick<Claim, "door" | "address" | "argv" | "privileged">,
  ) {
    const program = argv[0] ?? "";
    const end = { door, address, command, privileged, program };
    return { lane: `the door ${door}`, ...commandTale(end, this.#parts.ended) };
  }
}

function debtOf(grant: Grant, close: readonly string[], privileged: boolean, atMs: number) {
  const { door, address, expiresMs } = grant;
  const argv = fillPlaceholders(close, facts(grant));
  const lifeMs = expiresMs - atMs;
  return { grant: placeId(grant), door, address, argv, privileged, endsMs: expiresMs, lifeMs };
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

/** Not where it names its holder, and another one opened the door since. */
function isSameCommand(claim: Claim, debt: Debt | undefined): boolean {
  if (debt?.privileged !== claim.privileged || debt.argv.length !== claim.argv.length) return false;
  return debt.argv.every((word, i) => word === claim.argv[i]);
}
