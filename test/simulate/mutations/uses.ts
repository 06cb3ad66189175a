/** Bugs in uses of knocks, and who remembers them. */

import { mutation, type Mutation } from "./mutation.ts";

export const USES: readonly Mutation[] = [
  mutation(
    "an opening that nobody heard of leaves no use",
    "control-plane/persistent-state.ts",
    'if (event.type === "fault" && event.unheard !== undefined) {',
    'if (event.type === "fault" && event.unheard === null) {',
  ),
  mutation(
    "an opening that nobody heard of stays",
    "data-plane/open-grant.ts",
    "if (mayHaveHappened(error)) ends.abandon({ ...opening, expiresMs: openedMs + openMs });",
    "",
  ),
  mutation(
    "a use may be used again",
    "match/uses.ts",
    "if (slot > this.#last[index]!) {",
    "if (slot >= this.#last[index]!) {",
  ),
  mutation(
    "the kernel creates uses that exist",
    "firewall/grants.ts",
    "const useSequence = use === undefined ? -1 : this.#spend(use, true);\n    for (const slot of slots)",
    "const useSequence = use === undefined ? -1 : this.#spend(use, false);\n    for (const slot of slots)",
  ),
  mutation(
    "a restart forgets the uses of the kernel",
    "data-plane/opening.ts",
    "const learnt = restoreUses(matcher, plan.rotating, firewall.uses(), clock.wallMs());",
    "const learnt: KnownUse[] = [];",
  ),
  mutation(
    "the store does not learn the uses of the kernel",
    "control-plane/persistent-state.ts",
    "this.#uses.record({ door, user, device, fingerprint, stepSeconds, slot });",
    "void fingerprint;",
  ),
  mutation(
    "a restart forgets the uses of the store",
    "data-plane/opening.ts",
    "for (const use of uses) matcher.markUsed(use);",
    "",
  ),
  mutation(
    "restored uses look one slot too short back",
    "data-plane/restore-from-kernel.ts",
    "slot >= present - skew - 1 && slot >= 0; slot--",
    "slot >= present - skew + 1 && slot >= 0; slot--",
  ),
  mutation(
    "uses are written without fsync",
    "store/uses.ts",
    "      writeUses(database, uses);\n      this.#writeSession(database);\n    });",
    "      writeUses(database, uses);\n      this.#writeSession(database);\n    }, false);",
  ),
  mutation("uses are never written", "store/uses.ts", "this.#unwritten.push(kept);", ""),
  mutation(
    "a reload forgets what was told of a use",
    "data-plane/restore-from-kernel.ts",
    "if (use.source !== undefined) carry({ use, key: before.find(use)!.key });",
    "void use;",
  ),
  mutation(
    "an audit tells the kernel no uses",
    "data-plane/restore-from-kernel.ts",
    "  firewall.remember(uses);\n  return next;",
    "  return next;",
  ),
  mutation(
    "a key that is replaced inherits the uses of the old one",
    "data-plane/restore-from-kernel.ts",
    "if (own !== undefined && isSameKey(own, key) && to.matcher.markUsed(use)) return;",
    "if (own !== undefined && to.matcher.markUsed(use)) return;",
  ),
  mutation(
    "a restart learns no use where it knows another",
    "data-plane/restore-from-kernel.ts",
    "if (unknown.size === 0) return [];",
    "if (unknown.size < uses.length) return [];",
  ),
  mutation(
    "the kernel forgets uses too early",
    "data-plane/doorkeeper.ts",
    "const forMs = (2 * space.skew + 2) * space.stepSeconds * 1_000;",
    "const forMs = (space.skew + 1) * space.stepSeconds * 1_000;",
  ),
  mutation(
    "uses of other slots hide one another",
    "store/use.ts",
    "return `${use.door}\\0${use.fingerprint}\\0${use.stepSeconds}`;",
    "return `${use.door}\\0${use.fingerprint}`;",
  ),
];
