/** The commands of doors: one when a grant opens, and its counterpart exactly once when the grant ends. */

import { fillPlaceholders } from "../config/run-command.ts";
import type { Door } from "../config/settings.ts";
import type { DaemonEvent } from "../core/events.ts";
import type { Grant } from "../core/grant.ts";
import type { Claim, Debt, OwedCommands } from "../store/owed.ts";
import type { CommandQueue } from "./command-queue.ts";

/** What ran, for the audit log. */
export interface CommandEnd {
  readonly door: string;
  readonly address: string;
  readonly program: string;
  readonly outcome: string;
}

export class DoorCommands {
  readonly #queue: Pick<CommandQueue, "add">;
  readonly #owed: OwedCommands;
  readonly #ended: (end: CommandEnd) => void;
  /** Debts of an earlier daemon whose grants the kernel does not have: nobody will tell their end. */
  #orphans: Debt[] = [];

  constructor(
    queue: Pick<CommandQueue, "add">,
    owed: OwedCommands,
    ended: (end: CommandEnd) => void,
  ) {
    this.#queue = queue;
    this.#owed = owed;
    this.#ended = ended;
  }

  /** Follows grants. What is owed at the end is written down at the beginning, as the door said it then. */
  hear(event: DaemonEvent, doors: readonly Door[]): void {
    if (event.type === "grant.closed") {
      this.#pay(event.grant.id);
      return;
    }
    if (event.type !== "grant.opened") return;
    const { grant, renewed } = event;
    const run = doors.find(({ name }) => name === grant.door)?.run;
    if (run === undefined) return;
    const { privileged } = run;
    if (run.close !== undefined) {
      const argv = fillPlaceholders(run.close, facts(grant));
      const { id, door, address, expiresMs } = grant;
      if (renewed) this.#owed.extend(id, expiresMs);
      else this.#owed.owe({ grant: id, door, address, argv, privileged, endsMs: expiresMs });
    }
    if (run.open === undefined || renewed) return;
    const argv = fillPlaceholders(run.open, facts(grant));
    this.#queue.add({ argv, privileged, chain: grant.id, ...this.#about(argv, grant) });
  }

  /** After a start: what an earlier daemon left owed is paid when its time has come. */
  adopt(living: readonly Grant[], wallMs: number): void {
    const ids = new Set(living.map(({ id }) => id));
    this.#orphans = this.#owed.pending().filter(({ grant }) => !ids.has(grant));
    this.payDue(wallMs);
  }

  /** Call it every second or so while it answers that something is still owed. */
  payDue(wallMs: number): boolean {
    const due = this.#orphans.filter(({ endsMs }) => endsMs <= wallMs);
    this.#orphans = this.#orphans.filter(({ endsMs }) => endsMs > wallMs);
    for (const { grant } of due) this.#pay(grant);
    return this.#orphans.length > 0;
  }

  #pay(grant: string): void {
    const claim: Claim | undefined = this.#owed.claim(grant);
    if (claim === undefined) return;
    const { argv, privileged, number, again } = claim;
    const { what, ended } = this.#about(argv, claim);
    // The daemon that claimed it died in that very moment: better twice than never.
    const said = again ? `${what}, which may have run before` : what;
    const started = () => this.#owed.settle(number);
    this.#queue.add({ argv, privileged, chain: grant, started, what: said, ended });
  }

  #about(argv: readonly string[], { door, address }: Pick<Grant, "door" | "address">) {
    const program = argv[0] ?? "";
    return {
      what: `${door} and ${address}`,
      ended: (outcome: string) => this.#ended({ door, address, program, outcome }),
    };
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
