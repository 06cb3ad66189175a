/** Bugs, a line each: what `simulate` must find in the real code when they are put into it. */

export interface Mutation {
  readonly name: string;
  /** Below src/. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly line: string;
  readonly becomes: string;
  /** Only stories of years can show it. */
  readonly takesYears?: true;
}

function mutation(name: string, file: string, line: string, becomes: string): Mutation {
  return { name, file, line, becomes };
}

function longMutation(...of: Parameters<typeof mutation>): Mutation {
  return { ...mutation(...of), takesYears: true };
}

export const MUTATIONS: readonly Mutation[] = [
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
    "a killed daemon's table may be gone",
    "store/session.ts",
    "if (kernelKept()) return",
    "if (kernelKept !== undefined) return",
  ),
  mutation(
    "a restart ends the wait after a loss",
    "store/uses.ts",
    'if (judged.trust === "lost" || sinceMs === undefined) return judged;',
    'if (judged.trust === "lost" || sinceMs !== -1) return judged;',
  ),
  mutation(
    "a restart begins the wait after a loss anew",
    "store/uses.ts",
    "...(sinceMs < nowMs && { sinceMs }) };",
    "...(sinceMs < 0 && { sinceMs }) };",
  ),
  mutation(
    "an idle grant ends with the first port that rests",
    "data-plane/grant-ends.ts",
    "const leftMs = Math.max(0, ...firewall.livesMs(prefix.address, ports, { kind, idleMs }));",
    "const leftMs = Math.min(...firewall.livesMs(prefix.address, ports, { kind, idleMs }));",
  ),
  mutation(
    "a debt waits by a clock that was set back",
    "control-plane/commands/door-commands.ts",
    "const leftMs = Math.min(endsMs - wallMs, lifeMs);",
    "const leftMs = Math.min(endsMs - wallMs, Infinity * lifeMs);",
  ),
  mutation(
    "a door that was opened again leaves the earlier debt due",
    "control-plane/commands/door-commands.ts",
    "const adopted = this.#orphans.some((orphan) => orphan.grant === place);",
    'const adopted = this.#orphans.some((orphan) => orphan.grant === "");',
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
    "a reboot without a stop loses no uses",
    "store/session.ts",
    "if (stopped === last.bootId) return",
    "if (stopped === last.bootId || last.bootId !== bootId) return",
  ),
  mutation(
    "a restart after a kill makes everybody wait",
    "store/session.ts",
    "if (kernelKept()) return",
    "if (kernelKept === undefined) return",
  ),
  mutation(
    "the wait after a loss is a slot too short",
    "control-plane/persistent-state.ts",
    "const slot = slotAt(this.#doubtMs, stepSeconds) + skew;",
    "const slot = slotAt(this.#doubtMs, stepSeconds) - 1;",
  ),
  mutation(
    "the wait after a loss is a slot too long",
    "control-plane/persistent-state.ts",
    "const slot = slotAt(this.#doubtMs, stepSeconds) + skew;",
    "const slot = slotAt(this.#doubtMs, stepSeconds) + skew + 2;",
  ),
  mutation(
    "a reload ends the wait after a loss",
    "data-plane/hearing.ts",
    "// After those of the old plan, which know what was told of them.\n    for (const use of plan.uses) matcher.markUsed(use);",
    "",
  ),
  mutation(
    "a reload forgets what was told of a use",
    "data-plane/restore-from-kernel.ts",
    "if (use.source !== undefined) carry({ use, key: before.find(use)!.key });",
    "void use;",
  ),
  mutation(
    "a stop vouches for uses that the disk did not take",
    "store/uses.ts",
    "const complete = this.#file.complete;",
    "const complete = true;",
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
    "a grant closed by hand stays",
    "data-plane/grant-ends.ts",
    "    firewall.close({\n      address: prefix.address,",
    '    if (sessions === "keep") firewall.close({\n      address: prefix.address,',
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
    "      remainingMs,\n      clock.monotonicMs(),",
    "      remainingMs + 60_000,\n      clock.monotonicMs(),",
  ),
  mutation(
    "only one port of a door opens",
    "firewall/slots.ts",
    "    slots.push({ set, port, ms: openMs, keepLonger: true });",
    "    if (slots.length === 0) slots.push({ set, port, ms: openMs, keepLonger: true });",
  ),
  mutation(
    "a knock does not lift what a close by hand refuses",
    "firewall/slots.ts",
    'slots.push({ set: SET.door("revoked", family), port, address: refused, ms: 0 });',
    "void refused;",
  ),
  mutation(
    "nobody notices that a connection spent its grant",
    "data-plane/grant-ends.ts",
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
    "a close command is not owed",
    "control-plane/commands/door-commands.ts",
    "else this.#parts.owed.owe(debt);",
    "",
  ),
  mutation(
    "a due close command is forgotten at a restart",
    "control-plane/commands/door-commands.ts",
    "for (const claim of due) this.#pay(claim);",
    "",
  ),
  mutation(
    "a debt whose grant is gone is never due",
    "control-plane/commands/door-commands.ts",
    "for (const { grant } of due) this.#end(grant);",
    "",
  ),
  mutation(
    "a started close command stays owed",
    "store/owed.ts",
    '    if (!this.#entries.delete(number)) return;\n    this.#file.write((database) => {\n      database.query("DELETE FROM debts WHERE number = ?").run(number);\n    }, false);',
    "    if (!this.#entries.delete(number)) return;",
  ),
  mutation(
    "debts are written without fsync",
    "store/owed.ts",
    "this.#file.write((database) => insert(database, entry), !this.#unsynced);",
    "this.#file.write((database) => insert(database, entry), false);",
  ),
  mutation(
    "a command without a process is tried again without a pause",
    "control-plane/commands/command-queue.ts",
    "owed?.postpone();\n        this.#rest(error);",
    "owed?.postpone();",
  ),
  mutation(
    "one port of a sequence may be missing",
    "match/rotating-space.ts",
    "if (hit < n || !recent.together(id, ports, from, n)) continue;",
    "if (hit < n - 1) continue;",
  ),
  mutation(
    "the skew is a slot too small",
    "match/pages.ts",
    "if (Math.abs(slot - own) <= skew) this.accepted.push(page);",
    "if (Math.abs(slot - own) < skew) this.accepted.push(page);",
  ),
  mutation(
    "the skew is a slot too large",
    "match/pages.ts",
    "if (Math.abs(slot - own) <= skew) this.accepted.push(page);",
    "if (Math.abs(slot - own) <= skew + 1) this.accepted.push(page);",
  ),
  mutation(
    "an audit tells the kernel no uses",
    "data-plane/restore-from-kernel.ts",
    "  firewall.remember(uses);\n  return next;",
    "  return next;",
  ),
  mutation(
    "a set clock begins no new wait",
    "control-plane/loss-wait.ts",
    "persistent.clockWasSet(clock.wallMs());",
    "",
  ),
  mutation(
    "a lost reply counts as a refusal",
    "firewall/grants.ts",
    'if (isUnknown(refusals)) return "unknown";',
    "",
  ),
  mutation(
    "a living grant that nobody recorded owes nothing",
    "control-plane/commands/door-commands.ts",
    "for (const grant of living) this.#oweLate(grant, wallMs);",
    "void living;",
  ),
  mutation(
    "a debt that the disk did not take stays in the file",
    "store/owed.ts",
    "if (!this.#file.complete) this.#file.write(() => {});",
    "",
  ),
  mutation(
    "a guard that is moved on is moved on again",
    "control-plane/guard/guard-loader.ts",
    "this.#clock.monotonicMs() >= this.#loadedMs + REFRESH_MS &&",
    "",
  ),
  mutation(
    "a probation is written down after the kernel guards by it",
    "control-plane/guard/guard-audit.ts",
    "const undo = this.#probationFile.begin(atMs, forMs);\n    try {\n      load();\n",
    "const undo = () => {};\n    try {\n      load();\n      this.#probationFile.begin(atMs, forMs);\n",
  ),
  mutation(
    "a restart forgets a probation",
    "control-plane/guard/guard-audit.ts",
    "const leftMs = armMs ?? earlierMs;",
    "const leftMs = armMs ?? (earlierMs! < 0 ? earlierMs : undefined);",
  ),
  mutation(
    "a restart begins a probation anew",
    "control-plane/guard/probation-file.ts",
    "return Math.min(forMs, Math.max(0, untilMs! - wallMs));",
    "return untilMs! < wallMs ? 0 : forMs;",
  ),
  mutation(
    "a clock that was set back makes a probation longer",
    "control-plane/guard/probation-file.ts",
    "return Math.min(forMs, Math.max(0, untilMs! - wallMs));",
    "return Math.max(0, untilMs! - wallMs);",
  ),
  mutation(
    "a repair makes a probation permanent",
    "control-plane/guard/guard-loader.ts",
    "const doors = guardPlan(settings, this.#probationLeftMs(), deny);",
    "const doors = guardPlan(settings, this.#loadedMs < 0 ? this.#probationLeftMs() : undefined, deny);",
  ),
  mutation(
    "nobody notices the end of a probation",
    "control-plane/guard/guard-audit.ts",
    "this.#probationTimer = setTimeout(() => void this.#endProbation(), lapsesInMs);",
    "",
  ),
  mutation(
    "a lapsed guard comes back with a restart",
    "control-plane/guard/guard-audit.ts",
    "this.#probationFile.begin(clock.wallMs(), 0);",
    "this.#probationFile.end();",
  ),
  mutation(
    "a reload ends a probation",
    "control-plane/guard/guard-audit.ts",
    "      this.#guardLoader.load(next);\n      return;",
    "      this.#guardLoader.loadForGood(next);\n      return;",
  ),
  mutation(
    "a confirmation is forgotten at a restart",
    "control-plane/guard/guard-audit.ts",
    "this.#guardLoader.confirm(force);\n    this.#probationFile.end();",
    "this.#guardLoader.confirm(force);",
  ),
  mutation(
    "the end of a probation does not wait for the disk",
    "files/private-file.ts",
    "    syncFolder(dirname(file));\n",
    "",
  ),
  mutation(
    "a confirmation leaves the configuration before to return",
    "control-plane/reloader.ts",
    "      this.#before = undefined;\n      this.#enter(this.#parts.current());",
    "      this.#parts.entered(this.#parts.current(), this.#parts.current());",
  ),
  mutation(
    "the configuration before comes back on probation",
    "control-plane/guard/guard-audit.ts",
    "this.#guardLoader.loadForGood(before);",
    "this.#guardLoader.load(before);",
  ),
  mutation(
    "a reload that the kernel refuses leaves the new knocks in force",
    "control-plane/reloader.ts",
    "    } catch (error) {\n      await configure(before.plan);\n      throw error;\n    }\n    this.#before = fallback;",
    "    } catch (error) {\n      throw error;\n    }\n    this.#before = fallback;",
  ),
  mutation(
    "a reload hears by the new configuration only",
    "control-plane/guard/guard-audit.ts",
    "    this.#guardLoader.adoptNew(next);\n    if (armMs === undefined) {\n      this.#guardLoader.load(next);\n      return;",
    "    this.#guardLoader.adoptNew(next);\n    if (armMs === undefined) {\n      void next;\n      return;",
  ),
  mutation(
    "a reload forgets what is not confirmed",
    "control-plane/reloader.ts",
    "this.#notice = undefined;\n    this.#enter(next);",
    "this.#notice = undefined;\n    this.#parts.entered(next, next);",
  ),
  mutation(
    "a reload forgets half a knock",
    "data-plane/hearing.ts",
    "this.#makeMatcher(plan, before.matcher);",
    "this.#makeMatcher(plan);",
  ),
  mutation(
    "a removed key keeps its grants",
    "control-plane/lost-keys.ts",
    "user !== undefined && isGone(user, device)",
    'user === "" && isGone(user, device)',
  ),
  mutation(
    "knocks of a removed key are heard until the next reload",
    "control-plane/reloader.ts",
    "await this.#parts.configure(next.plan);",
    "",
  ),
  mutation(
    "a removed key returns with the configuration before",
    "control-plane/reloader.ts",
    "const before = withKeysOf(this.#before, now);",
    "const before = withKeysOf(this.#before, this.#before);",
  ),
  mutation(
    "a key that is replaced inherits the uses of the old one",
    "data-plane/restore-from-kernel.ts",
    "if (own !== undefined && isSameKey(own, key) && to.matcher.markUsed(use)) return;",
    "if (own !== undefined && to.matcher.markUsed(use)) return;",
  ),
  mutation(
    "other keys make an unconfirmed configuration the one that worked last",
    "control-plane/reloader.ts",
    "await this.#parts.configure(next.plan);\n      this.#enter(next);",
    "await this.#parts.configure(next.plan);\n      this.#parts.entered(next, next);",
  ),
  mutation(
    "a restart makes an unconfirmed configuration the one that worked last",
    "control-plane/last-keeper.ts",
    'this.#guardState() === "permanent" ? next.toml : undefined',
    "next.toml",
  ),
  mutation(
    "a broken file ends the daemon's start",
    "control-plane/last-config.ts",
    "if (stateDirs.length === 0 || !mayFallBack()) throw refusal;",
    "if (stateDirs.length >= 0) throw refusal;",
  ),
  longMutation(
    "the audit log never forgets",
    "store/audit.ts",
    ".run(Math.round(nowMs - ageMs), Math.round(nowMs));",
    ".run(Math.round(nowMs - 1_000 * ageMs), Math.round(nowMs));",
  ),
  longMutation(
    "the audit log forgets after nine days",
    "store/audit.ts",
    "ageMs: 90 * 86_400_000,",
    "ageMs: 9 * 86_400_000,",
  ),
  longMutation(
    "the ledger ends every grant within 24 days",
    "data-plane/ledger.ts",
    "const endsMs = Math.max(nowMs + lifeMs, kept?.endsMs ?? 0);",
    "const endsMs = Math.max(nowMs + Math.min(lifeMs, 2 ** 31 - 1), kept?.endsMs ?? 0);",
  ),
  longMutation(
    "the sequences of past slots stay in memory",
    "match/pages.ts",
    "if (!this.remembered.includes(page)) page.turnTo(NO_SLOT);",
    "if (page.slot === -Infinity) page.turnTo(NO_SLOT);",
  ),
];
