/**
 * Holds each grant to what was told when it opened: it ends no sooner, unless somebody closed it, a
 * connection spent it, its traffic rested, or the kernel's table was touched by others.
 */

import type { CloseReason, DaemonEvent } from "../../src/core/events.ts";
import { Violation } from "./violation.ts";
import { formatAddress, parsePrefix } from "../../src/core/address.ts";
import type { Grant } from "../../src/core/grant.ts";
import { sameTerms } from "../../src/data-plane/ledger.ts";

/** A closing sequence may end an opening that came shortly before or after it. */
const CLOSING_MS = 12_000;

/** Several clocks measure a life, and ends are told some at a time. */
const NEARLY_MS = 1_500;

interface Told {
  readonly grant: Grant;
  /** Monotonic milliseconds. */
  endMs: number;
}

export class GrantWatch {
  readonly #told = new Map<string, Told>();
  /** Grants that somebody had closed by hand. */
  readonly #closed = new Set<string>();
  /** When the closing sequence of the fixed door may have come last, by address. */
  readonly #closing = new Map<string, number>();
  /** Living grants for one connection, as the present process came to know them. */
  readonly #once = new Map<string, Grant>();
  /** Where a connection spent a grant of which no end was told yet. */
  #unheard: { readonly address: string; readonly port: number }[] = [];
  /** How many grants a connection or another program took, and of how many that was told. */
  #spent = 0;
  #used = 0;
  readonly #broken: (violation: Violation) => void;

  constructor(broken: (violation: Violation) => void) {
    this.#broken = broken;
  }

  hear(event: DaemonEvent, nowMs: number): void {
    if (event.type === "grant.closed") this.#ended(event.grant, event.reason, nowMs);
    if (event.type !== "grant.opened" && event.type !== "grant.restored") return;
    const { grant, atMs } = event;
    const endMs = nowMs + grant.expiresMs - atMs;
    const before = this.#told.get(grant.id);
    if (before !== undefined && sameTerms(before.grant, grant) && grant.kind !== "idle") {
      this.#compare(before, endMs);
    }
    const isClosing = grant.via === "fixed" && nowMs - this.#closedMs(grant) < CLOSING_MS;
    if (!isClosing) this.#told.set(grant.id, { grant, endMs });
    if (grant.kind === "once") this.#once.set(grant.id, grant);
    // What was asked for an earlier one is done.
    if (event.type === "grant.opened") this.#closed.delete(grant.id);
  }

  /** Everybody may have lost anything: another program changed the table, or the kernel refused. */
  touched(): void {
    this.#told.clear();
    this.#spent += this.#once.size;
  }

  /** A grant is about to be closed by hand. */
  closing(id: string): void {
    this.#closed.add(id);
    this.#told.delete(id);
  }

  /** The closing sequence of the fixed door may have come from this address. */
  closingKnock(address: string, nowMs: number): void {
    this.#closing.set(address, nowMs);
    for (const [id, { grant }] of this.#told) {
      if (grant.via === "fixed" && grant.address === address) this.#told.delete(id);
    }
  }

  /** A connection spent an element that this address, or /64, has at the port: its first holder loses the grant. */
  spent(address: string, port: number): void {
    this.#spent++;
    this.#unheard.push({ address, port });
    const first = [...this.#once.values()].find((grant) => isAt(grant, address, port));
    if (first !== undefined) this.#told.delete(first.id);
  }

  /** A new process reads the living grants from the kernel. Who else had one that was spent, nobody knows any more. */
  newLife(): void {
    for (const { address, port } of this.#unheard) {
      for (const { id } of this.#once.values().filter((grant) => isAt(grant, address, port))) {
        this.#told.delete(id);
      }
    }
    this.#unheard = [];
    this.#once.clear();
  }

  /** Traffic moved the end of idle grants at the port. */
  talked(address: string, port: number, endMs: number): void {
    for (const told of this.#told.values()) {
      if (told.grant.kind === "idle" && isAt(told.grant, address, port)) {
        told.endMs = Math.min(told.endMs, endMs);
      }
    }
  }

  /** Call it when nothing disturbs the daemon; `known`: the grants that it tells of. */
  check(known: Iterable<Grant>, nowMs: number): Violation | undefined {
    const ids = new Set(Array.from(known, ({ id }) => id));
    for (const [id, told] of this.#told) {
      if (told.endMs < nowMs) this.#told.delete(id);
      else if (told.endMs - nowMs > NEARLY_MS && !ids.has(id)) return early(told, nowMs);
    }
    return undefined;
  }

  #ended(grant: Grant, reason: CloseReason, nowMs: number): void {
    const told = this.#told.get(grant.id);
    this.#told.delete(grant.id);
    this.#once.delete(grant.id);
    if (reason === "used") {
      this.#unheard = this.#unheard.filter(({ address, port }) => !isAt(grant, address, port));
    }
    if (told !== undefined && told.endMs - nowMs > NEARLY_MS) this.#broken(early(told, nowMs));
    const isAsked =
      (reason !== "hand" || this.#closed.has(grant.id)) &&
      (reason !== "knock" || this.#closedMs(grant) > 0) &&
      (reason !== "used" || ++this.#used <= this.#spent);
    if (isAsked) return;
    this.#broken(new Violation("a grant ends for a reason", `${wordsOf(grant)}: ${reason}`));
  }

  #closedMs({ address }: Grant): number {
    return this.#closing.get(address) ?? -Infinity;
  }

  #compare(before: Told, endMs: number): void {
    if (endMs < before.endMs - NEARLY_MS) this.#broken(early(before, endMs));
  }
}

function isAt({ address, ports }: Grant, at: string, port: number): boolean {
  const own = formatAddress(parsePrefix(address)!.address);
  return own === at && ports.some(({ from, to }) => from <= port && port <= to);
}

function early({ grant, endMs }: Told, atMs: number): Violation {
  const seconds = ((endMs - atMs) / 1_000).toFixed(1);
  return new Violation("a grant lives its time", `${wordsOf(grant)} ended ${seconds} s early`);
}

function wordsOf({ door, address, via }: Grant): string {
  return `that of ${door} for ${address}, ${via},`;
}
