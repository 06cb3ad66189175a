/** Bugs in grants: their lives, their ports, their holders. */

import { mutation, type Mutation } from "./mutation.ts";

export const GRANTS: readonly Mutation[] = [
  mutation(
    "an idle grant ends with the first port that rests",
    "data-plane/grant-traffic.ts",
    "return lives && Math.max(0, ...lives);",
    "return lives && Math.min(...lives);",
  ),
  mutation(
    "a grant lives twice as long",
    "data-plane/grant-request.ts",
    "    openMs: door.openForMs,",
    "    openMs: 2 * door.openForMs,",
  ),
  mutation(
    "an idle grant is renewed for ever",
    "data-plane/grant-request.ts",
    "return Math.max(1, maxOpenMs - idleCloseMs);",
    "return 24 * 3_600_000;",
  ),
  mutation(
    "a repair gives a grant its whole life again",
    "data-plane/grant-request.ts",
    "    openMs: lifeMs,\n    ...(idleMs",
    "    openMs: lifeMs + 20_000,\n    ...(idleMs",
  ),
  mutation(
    "the repair puts nothing back",
    "data-plane/repair-grants.ts",
    "firewall.open({ ...sameAgain(own), ports: portsToReturn(firewall, own), beside });",
    "void beside;",
  ),
  mutation(
    "the comparison overlooks missing elements",
    "data-plane/repair-grants.ts",
    "if (singlePorts(ports).some((port) =>",
    "if (singlePorts(ports).every((port) =>",
  ),
  mutation(
    "the ledger keeps the shorter life",
    "data-plane/ledger.ts",
    "const endsMs = Math.max(nowMs + lifeMs, kept?.endsMs ?? 0);",
    "const endsMs = Math.min(nowMs + lifeMs, kept?.endsMs ?? Infinity);",
  ),
  mutation(
    "a restored grant ends a minute late in the ledger",
    "data-plane/restore-from-kernel.ts",
    "ledger.open(grant, remainingMs, clock.monotonicMs(), capMs);",
    "ledger.open(grant, remainingMs + 60_000, clock.monotonicMs(), capMs);",
  ),
  mutation(
    "only one port of a door opens",
    "firewall/slots.ts",
    "    slots.push({ set, port, ms: openMs, keepLonger: true });",
    "    if (slots.length === 0) slots.push({ set, port, ms: openMs, keepLonger: true });",
  ),
  mutation(
    "nobody notices that a connection spent its grant",
    "data-plane/grant-traffic.ts",
    'if (kind !== "once" || ports.length === 0) continue;',
    'if (kind !== "once" || ports.length > 0) continue;',
  ),
  mutation(
    "ends of grants are told late",
    "data-plane/ledger.ts",
    "if (entry === undefined || entry.endsMs > nowMs) continue;",
    "if (entry === undefined || entry.endsMs > nowMs - 200_000) continue;",
  ),
  mutation(
    "a lost reply counts as a refusal",
    "firewall/grants.ts",
    "this.#unheard ||= isUnknown(refusals);",
    'if (isUnknown(refusals)) throw refusalError(operation, "", refusals[0]!);',
  ),
  mutation(
    "the ledger keeps a longer life of other terms",
    "data-plane/ledger.ts",
    "before !== undefined && sameTerms(before.grant, grant) ? before : undefined",
    "before",
  ),
  mutation(
    "a full door opens to one more",
    "data-plane/fixed-answer.ts",
    "grants >= door.maxGrants",
    "grants > door.maxGrants",
  ),
  mutation(
    "a restart gives each holder the longest life",
    "firewall/grants.ts",
    "remainingMs: Math.min(owner.remainingMs, remainingMs),",
    "remainingMs,",
  ),
  mutation(
    "a restart forgets how long traffic renews a grant",
    "data-plane/restore-from-kernel.ts",
    "const capMs = Math.max(...own.map(({ maxRemainingMs = 0 }) => maxRemainingMs));",
    "const capMs = 0;",
  ),
  mutation(
    "a grant by new terms leaves the old ones open",
    "data-plane/open-grant.ts",
    "if (before !== undefined && !sameTerms(before, grant)) ends.leave(before);",
    "void before;",
  ),
  mutation(
    "a connection spends the grant of the last holder",
    "data-plane/grant-traffic.ts",
    "const [first, ...others] = sharing;",
    "const [first, ...others] = sharing.toReversed();",
  ),
  mutation(
    "only the first page of grants is listed",
    "control-plane/data-plane-access.ts",
    "for (let after: number | undefined = 0; after !== undefined;) {",
    "for (let after: number | undefined = 0; after === 0;) {",
  ),
  mutation(
    "traffic of one holder renews the grant of another",
    "data-plane/grant-traffic.ts",
    "Math.floor(Math.min(lifeMs, longestMs(own)))",
    "Math.floor(lifeMs)",
  ),
  mutation(
    "an answer that is lost counts as a missing element",
    "firewall/grants.ts",
    "if (lives !== undefined) return lives;",
    "return lives ?? Array.from({ length: count }, () => -1);",
  ),
  mutation(
    "the record of a holder outlives the last grant of a place",
    "data-plane/grant-ends.ts",
    "const leaves = this.#recorded.has(grant.id) || this.shares(grant);",
    "const leaves = this.shares(grant);",
  ),
  mutation(
    "a restart renews what nothing renews any more",
    "firewall/grants.ts",
    "maxRemainingMs: Math.min(maxRemainingMs, owner.remainingMs - (owner.idleMs ?? 0)),",
    "maxRemainingMs: Math.max(0, maxRemainingMs),",
  ),
  mutation(
    "another holder is the first after a restart",
    "data-plane/restore-from-kernel.ts",
    ".sort((a, b) => a.grant.openedMs - b.grant.openedMs)",
    ".sort((a, b) => b.grant.openedMs - a.grant.openedMs)",
  ),
  mutation(
    "what the kernel kept is never taken",
    "data-plane/unfinished-ends.ts",
    "this.#grants.push(grant);",
    "",
  ),
  mutation(
    "a connection that the kernel is slow about ends two grants",
    "data-plane/grant-traffic.ts",
    "this.#parts.fault(error);\n      return;",
    "this.#parts.fault(error);",
  ),
  mutation(
    "a start keeps what a killed daemon left of earlier terms",
    "data-plane/opening.ts",
    "for (const grant of replaced) this.#doorkeeper.ends.leave(grant);",
    "void replaced;",
  ),
];
