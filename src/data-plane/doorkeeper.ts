/** Opens and closes doors: turns a match into a kernel grant, and keeps the ledger of the open ones. */

import { type Address, formatAddress } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/counters.ts";
import { messageOf, SallyportError } from "../core/errors.ts";
import type { CloseReason, DaemonEvent, SlotUse } from "../core/events.ts";
import { type Grant, grantId, type Holder } from "../core/grant.ts";
import type { Door } from "../config/settings.ts";
import type { Firewall, GrantRequest } from "../firewall/firewall.ts";
import type { FixedMatch, MatchSink, RotatingMatch } from "../match/subject.ts";
import type { Echo } from "./echo-watch.ts";
import { FaultReports } from "./fault-reports.ts";
import { fixedAnswer } from "./fixed-answer.ts";
import { GrantEnds } from "./grant-ends.ts";
import { grantRequest, handRequest, holderAddress } from "./grant-request.ts";
import { GrantTraffic } from "./grant-traffic.ts";
import { echoedKnock, repeatedKnock, reusedKnock } from "./knock-events.ts";
import type { Ledger } from "./ledger.ts";
import type { Reply } from "./messages.ts";
import { mayHaveHappened, openGrant, type Opened } from "./open-grant.ts";
import { repairGrants } from "./repair-grants.ts";
import { sharedMark } from "./sharing.ts";

const BY_SEQUENCE: Holder = { via: "fixed" };
const BY_HAND: Holder = { via: "hand" };

export interface DoorkeeperParts {
  readonly firewall: Firewall;
  readonly ledger: Ledger;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly emit: (event: DaemonEvent) => void;
}

export class Doorkeeper implements MatchSink {
  readonly #parts: DoorkeeperParts;
  /** The ends of grants in the kernel. */
  readonly ends: GrantEnds;
  /** What packets do to grants there. */
  readonly traffic: GrantTraffic;
  #doors: ReadonlyMap<string, Door>;
  #behind: ReadonlySet<string> = new Set();
  readonly #faults: FaultReports;

  constructor(doors: readonly Door[], parts: DoorkeeperParts) {
    this.#parts = parts;
    this.#doors = doorsByName(doors);
    const { firewall, ledger, clock, emit } = parts;
    this.#faults = new FaultReports(clock, emit);
    const toKernel = {
      firewall,
      ledger,
      clock,
      ended: (grant: Grant, reason: CloseReason) => this.#ended(grant, reason),
      fault: (error: unknown) => this.#faults.firewall(error),
    };
    this.ends = new GrantEnds(toKernel);
    this.traffic = new GrantTraffic({ ...toKernel, ends: this.ends });
  }

  /** Takes the doors of a new configuration; grants of removed doors run out by themselves. */
  replaceDoors(doors: readonly Door[]): void {
    this.#doors = doorsByName(doors);
  }

  /** Fixed doors that open to nobody new until their close commands have started. */
  setBehind(doors: readonly string[]): void {
    this.#behind = new Set(doors);
  }

  rotating(match: RotatingMatch): "spent" | "kept" {
    const { door: name, user, device, space } = match.subject;
    const door = this.#door(name);
    this.#parts.counters.add("matches");
    // Until the slot is out of every skew, plus one for a clock that is set back a little.
    const forMs = (2 * space.skew + 2) * space.stepSeconds * 1_000;
    const opened = this.#tryOpen(
      door,
      match.source,
      { via: "rotating", user, device },
      match.timeMs,
      { id: match.use, forMs },
      { slot: match.slot, stepSeconds: space.stepSeconds },
    );
    if (opened === "used") this.repeated(match);
    // Where nobody knows, the kernel may refuse it, or forget it and open once more.
    return opened === "failed" ? "kept" : "spent";
  }

  fixed(match: FixedMatch): void {
    const door = this.#door(match.subject.door);
    this.#parts.counters.add("matches");
    const id = grantId(door.name, holderAddress(door, match.source), BY_SEQUENCE);
    if (match.subject.action === "close") {
      this.#tryClose(id);
      return;
    }
    const { ledger, clock, counters } = this.#parts;
    const answer = fixedAnswer(door, {
      nowMs: clock.wallMs(),
      held: ledger.living(id, clock.monotonicMs(), clock.wallMs()),
      grants: ledger.count(door.name),
      unheard: counters.get("eventsTold") - counters.get("eventsHeard"),
      isBehind: this.#behind.has(door.name),
    });
    if (answer === "open") this.#tryOpen(door, match.source, BY_SEQUENCE, match.timeMs);
    else if (answer !== "nothing") this.#toNobodyNew(door, match, answer);
  }

  repeated(match: RotatingMatch): void {
    this.#parts.counters.add("repeats");
    this.#emit(repeatedKnock(match));
  }

  reused(match: RotatingMatch, first: Address, firstMs: number): void {
    this.#parts.counters.add("reuses");
    this.#emit(reusedKnock(match, first, firstMs));
  }

  /** Most of a used sequence also came from another address. */
  echoed(echo: Echo): void {
    const { counters, clock } = this.#parts;
    // Not "reuses", which anybody may read: that must not move on a part of a sequence.
    counters.add("partialReuses");
    this.#emit(echoedKnock(echo, clock.wallMs()));
  }

  /** The present grants of this address, as the kernel has them. */
  grantsOf(address: Address): Grant[] {
    const { ledger, clock } = this.#parts;
    const text = formatAddress(address);
    this.traffic.lookAt(ledger.touching(text, clock.monotonicMs()));
    return ledger
      .touching(text, clock.monotonicMs())
      .flatMap(({ grant }) => ledger.living(grant.id, clock.monotonicMs(), clock.wallMs()) ?? []);
  }

  /**
   * Opens a door by hand. Throws a SallyportError for an unknown door, or when the kernel refuses.
   */
  open(name: string, address: Address, forMs?: number): Grant {
    const door = this.#doors.get(name);
    if (door === undefined) {
      const known = [...this.#doors.keys()].join(", ");
      throw new SallyportError(`Cannot open "${name}": no such door: the doors are ${known}`);
    }
    if (door.opens.length === 0) {
      throw new SallyportError(`Cannot open "${name}": it opens no port, it only runs a command`);
    }
    const asked = handRequest(door, address, forMs ?? door.openForMs);
    return this.#open({ door, source: address, holder: BY_HAND, asked })!;
  }

  /** Ends a grant and its live sessions; undefined when no grant has this id. */
  closeByHand(id: string): Grant | undefined {
    return this.#close(id, "hand");
  }

  /**
   * Reports grants whose time is over, at most `most` of them. Returns whether there are more. Call
   * it often; monotonic time comes from the clock.
   */
  expire(most = Infinity): boolean {
    const { ledger, clock } = this.#parts;
    for (const grant of ledger.due(clock.monotonicMs(), most)) {
      const leftMs = grant.kind === "idle" ? this.traffic.renewedMs(grant) : 0;
      // Traffic renewed it in the kernel: look again when that life is over.
      if (leftMs > 0) ledger.setLife(grant.id, leftMs, clock.monotonicMs());
      else this.ends.over(grant);
    }
    this.#parts.counters.set("grantsLive", ledger.size);
    return ledger.nextEndMs <= clock.monotonicMs();
  }

  /** Puts back grants that are missing in the kernel, with their remaining life. */
  repairGrants(ids: readonly string[]): Reply<"repair-grants"> {
    return repairGrants(this.#parts, this.#doors, ids, (grant) => this.ends.over(grant));
  }

  /** By a knock, which tells nobody of a refusal: the grant stays, and the next knock may close it. */
  #tryClose(id: string): void {
    try {
      this.#close(id, "knock");
    } catch (error) {
      this.#faults.firewall(error);
    }
  }

  #toNobodyNew(door: Door, { timeMs, source }: FixedMatch, why: "full" | "behind"): void {
    this.#parts.counters.add("grantsFailed");
    if (!this.#faults.isDue("door.full")) return;
    this.#emit({
      type: "door.full",
      atMs: timeMs,
      door: door.name,
      address: formatAddress(source),
      most: door.maxGrants,
      ...(why === "behind" && { behind: true }),
    });
  }

  #tryOpen(
    door: Door,
    source: Address,
    holder: Holder,
    knockMs: number,
    use?: GrantRequest["use"],
    used?: SlotUse,
  ): "opened" | "used" | "failed" | "unheard" {
    const { counters, clock } = this.#parts;
    try {
      const asked = { ...grantRequest(door, source, holder), ...(use && { use }) };
      const grant = this.#open({ door, source, holder, asked, knock: { knockMs, used } });
      return grant === undefined ? "used" : "opened";
    } catch (error) {
      counters.add("grantsFailed");
      if (used === undefined || !mayHaveHappened(error)) {
        this.#faults.firewall(error);
        return "failed";
      }
      const { user = "", device = "" } = holder;
      const unheard = { door: door.name, user, device, address: formatAddress(source), used };
      const message = messageOf(error);
      this.#emit({ type: "fault", atMs: clock.wallMs(), part: "firewall", message, unheard });
      return "unheard";
    }
  }

  #open(opened: Opened): Grant | undefined {
    const { ends, traffic } = this;
    return openGrant({ ...this.#parts, ends, traffic }, opened);
  }

  #close(id: string, reason: CloseReason): Grant | undefined {
    const grant = this.#parts.ledger.get(id);
    if (grant === undefined) return undefined;
    // Only closing by hand also ends live sessions; a close knock undoes what its open knock did.
    this.ends.withdraw(grant, reason === "hand" ? "end" : "keep");
    this.#ended(grant, reason);
    return grant;
  }

  #ended(grant: Grant, reason: CloseReason): void {
    const { ledger, counters, clock } = this.#parts;
    ledger.close(grant.id);
    counters.add("grantsClosed");
    counters.set("grantsLive", ledger.size);
    const shared = sharedMark(grant, this.ends.others(grant.address, grant.id));
    this.#emit({ type: "grant.closed", atMs: clock.wallMs(), grant, reason, ...shared });
  }

  #door(name: string): Door {
    const door = this.#doors.get(name);
    if (door === undefined) throw new Error(`a match names the door "${name}", which is not there`);
    return door;
  }

  #emit(event: DaemonEvent): void {
    this.#parts.emit(event);
  }
}

function doorsByName(doors: readonly Door[]): ReadonlyMap<string, Door> {
  return new Map(doors.map((door) => [door.name, door]));
}
