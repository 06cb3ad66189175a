/** Replaces the configuration in force by a new one, whole or not at all. */

import type { KeysCheck, KeysRequest, ReloadRequest, ReloadTold } from "../api/control.ts";
import {
  dangerOf,
  describeDifferences,
  type Differences,
  differencesOf,
  needsStart,
  type Opener,
} from "../config/differences.ts";
import type { Settings } from "../config/settings.ts";
import type { Caller } from "../core/caller.ts";
import type { Grant } from "../core/grant.ts";
import { whoOf } from "../config/names.ts";
import { firstWarnings } from "../config/warnings.ts";
import { weaknessOf } from "../keys/forgery-bound.ts";
import { describeMissingKeys, keysFile } from "../keys/keys.ts";
import { keyWarnings } from "../keys/key-warnings.ts";
import { formatDuration } from "../core/duration.ts";
import { messageOf, NeedsYes, SallyportError } from "../core/errors.ts";
import { namesInSentence } from "../core/names-in-sentence.ts";
import {
  type Configuration,
  readConfiguration,
  withKeysOf,
  withKeysOfNow,
} from "./configuration.ts";
import type { GuardState } from "./guard/guard-loader.ts";
import { log } from "./log.ts";
import { lostBesides, withoutRemoved } from "./lost-keys.ts";
import { describeMissing, isDeaf } from "./missing-interfaces.ts";
import type { Plan } from "../data-plane/plan.ts";
import { describeOutliving } from "./outliving-grants.ts";
import { counted } from "./start-report.ts";

export interface ReloaderParts {
  /** config.toml */
  readonly file: string;
  /** Throws where nobody may act on the file as it is now. */
  readonly requireTrust: () => void;
  /** The configuration in force. */
  readonly current: () => Configuration;
  /** Makes the data plane work by the plan. Throws when it cannot; it then works by its old one. */
  readonly configure: (plan: Plan) => Promise<void>;
  /**
   * Loads the guard in one transaction, on probation where a time is given. Throws when it cannot;
   * the old guard then stays.
   */
  readonly guard: (settings: Settings, armMs: number | undefined) => void;
  /** Like `guard`, and ends any probation. */
  readonly guardForGood: (settings: Settings) => void;
  readonly guardState: () => GuardState;
  /** Whether a probation is running out, which nobody confirmed or began anew. */
  readonly isOver: () => boolean;
  /** The names in `server.interfaces` that no interface has now. */
  readonly missing: (settings: Settings) => readonly string[];
  /** The living grants. */
  readonly grants: () => Iterable<Grant>;
  /** The devices that opened doors to the caller's address last. */
  readonly openers: (caller: Caller) => readonly Opener[];
  /** `next` is in force from now on; `before` returns unless somebody confirms it. */
  readonly entered: (next: Configuration, before: Configuration | undefined) => void;
  /** The file that was read is in force: `entered` was called for it. */
  readonly reloaded: () => void;
  /** Nobody confirmed this configuration in time, and the one before is about to return. */
  readonly unconfirmed: (configuration: Configuration) => void;
  /** The configuration before returned: `entered` was called for it. */
  readonly reverted: () => void;
  /** The file that was read is refused. */
  readonly refused: (error: unknown) => void;
}

const ANYWAY = 'or run "sallyport reload" if that is meant';

export class Reloader {
  readonly #parts: ReloaderParts;
  #reloading: Promise<unknown> = Promise.resolve();
  /** The configuration that returns unless somebody confirms the one in force. */
  #before: Configuration | undefined;
  #notice: string | undefined;

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
  }

  /**
   * The outcome of a probation without a confirmation: the ports open, or the configuration before
   * returns.
   */
  get otherwise(): "open" | "back" {
    return this.#before === undefined ? "open" : "back";
  }

  /** One sentence while the file differs from the configuration in force, because nobody confirmed it. */
  get notice(): string | undefined {
    return this.#notice;
  }

  /**
   * Reads the file again. Throws for a bad file, or one that needs a yes; nothing changes then, and
   * the old configuration stays in force.
   */
  reload(request: ReloadRequest): Promise<ReloadTold> {
    return this.#inTurn(() => this.#reloadOnce(request));
  }

  /**
   * Takes only the keys of their file. Returns the configuration before. Throws for a bad file, or
   * one that needs a yes; nothing changes then.
   */
  reloadKeys({ removed, yes }: Pick<KeysRequest, "removed" | "yes"> = {}): Promise<Configuration> {
    return this.#inTurn(async () => {
      const before = this.#parts.current();
      const next = withKeysOfNow(before);
      if (yes !== true) this.#requireKeys(before, next, { removed });
      await this.#parts.configure(next.plan);
      this.#enter(next);
      return before;
    });
  }

  /** What `reloadKeys` would take. Throws what it would, judging also by who asks; changes nothing. */
  checkKeys(request: KeysCheck): Configuration {
    const now = this.#parts.current();
    const next = withKeysOfNow(now);
    this.#requireKeys(now, next, request);
    return next;
  }

  /**
   * Begins or confirms a probation while no reload changes the guard; `confirms`: the configuration
   * in force stays.
   */
  between<T>(work: () => Promise<T>, confirms: boolean): Promise<T> {
    const done = this.#reloading.then(async () => {
      const result = await work();
      if (!confirms) return result;
      this.#before = undefined;
      this.#enter(this.#parts.current());
      return result;
    });
    this.#reloading = done.catch(() => undefined);
    return done;
  }

  /**
   * Nobody confirmed in time: puts back the configuration before. Returns false where there is
   * none, or it is refused, or the probation was confirmed or begun anew before its turn came.
   */
  goBack(): Promise<boolean> {
    return this.#inTurn(async () => {
      const { file, current, configure, guardForGood, isOver, unconfirmed, reverted } = this.#parts;
      if (this.#before === undefined || !isOver()) return false;
      const now = current();
      // Settings go back, keys do not: one that was removed since must not return.
      const before = withKeysOf(this.#before, now);
      // First, so that a start after a crash in between does not take it for good either.
      unconfirmed(now);
      try {
        await configure(before.plan);
        try {
          guardForGood(before.settings);
        } catch (error) {
          await configure(now.plan);
          throw error;
        }
      } catch (error) {
        log("error", `The configuration before the reload cannot be put back: ${messageOf(error)}`);
        return false;
      }
      this.#before = undefined;
      this.#enter(before);
      reverted();
      const weak = weaknessOf(before.settings, before.keys);
      const but =
        weak === undefined ? "" : `, with more keys than it is strong enough for (${weak})`;
      this.#notice = `Nobody confirmed the last reload in time: the configuration before it is in force again${but}, and ${file} says something else: mend it, or reload it again`;
      log("error", this.#notice);
      return true;
    });
  }

  #enter(next: Configuration): void {
    this.#parts.entered(next, this.#before);
  }

  /** One at a time: a reload that fails must put back the configuration directly before it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#reloading.then(work);
    this.#reloading = done.catch(this.#parts.refused);
    return done;
  }

  async #reloadOnce(request: ReloadRequest): Promise<ReloadTold> {
    const { file, requireTrust, current, configure, guard, guardState } = this.#parts;
    const { armMs } = request;
    const before = current();
    requireTrust();
    const next = readConfiguration(file, (settings) => refuseStartOnly(before.settings, settings));
    const missing = this.#missing(before.settings, next.settings);
    const differences = differencesOf(before, next);
    const changes = [
      ...missing,
      ...describeDifferences(differences),
      ...this.#livingGrants(differences),
    ];
    this.#requireYes(request, differences, next, changes);
    const fallback =
      this.#before ?? (armMs !== undefined && guardState() === "permanent" ? before : undefined);
    await configure(next.plan);
    try {
      guard(next.settings, armMs);
    } catch (error) {
      await configure(before.plan);
      throw error;
    }
    this.#before = fallback;
    this.#notice = undefined;
    this.#enter(next);
    this.#parts.reloaded();
    const warnings = firstWarnings([...next.warnings, ...keyWarnings(next.settings, next.keys)]);
    for (const sentence of [...changes, ...warnings]) log("warning", sentence);
    const done = `Reloaded ${file}: ${counted(next.settings.doors.length, "door")}, ${counted(next.keys.length, "key")}${this.#probation(armMs)}`;
    log("info", done);
    return { done, changes, warnings };
  }

  /**
   * The interfaces that do not exist, as a sentence. Throws where nothing could be heard: no yes
   * would help, so none is asked for.
   */
  #missing(before: Settings, after: Settings): readonly string[] {
    const missing = this.#parts.missing(after);
    const said = describeMissing(missing);
    if (said === undefined) return [];
    if (!isDeaf(before, after, missing)) return [said];
    throw new SallyportError(`Cannot reload ${this.#parts.file}: ${said}; nothing was changed`);
  }

  #requireYes(
    { yes, armMs, from }: ReloadRequest,
    differences: Differences,
    next: Configuration,
    changes: readonly string[],
  ): void {
    if (yes === true || armMs !== undefined) return;
    const openers = from === undefined ? [] : this.#parts.openers(from);
    const danger = dangerOf(differences, next.settings, from, openers);
    if (danger === undefined) return;
    const missing = missingKeysOf(next);
    const without = missing === undefined ? "" : `: ${missing}`;
    throw new NeedsYes(
      [
        `Cannot reload ${this.#parts.file} without a yes: ${danger}${without}`,
        ...changes.map((change) => `  ${change}`),
        'Run "sallyport reload --yes", or "sallyport reload --arm 5m": then the present configuration returns by itself unless you confirm',
      ].join("\n"),
    );
  }

  /**
   * Whoever adds or removes a key means no other one: a file that lacks those may be one that begins
   * anew, in the empty folder below a disk that is not mounted.
   */
  #requireKeys(before: Configuration, next: Configuration, { removed, from }: KeysCheck): void {
    const { settings } = next;
    const { stateDir } = settings.server;
    const missing = before.keys.length === 0 ? undefined : missingKeysOf(next);
    // Not even of those who are meant to lose theirs: it would say nothing of the others afterwards.
    if (missing !== undefined) {
      throw new NeedsYes(`Cannot take the keys: ${missing}: put it back, ${ANYWAY}`);
    }
    const lost = lostBesides(before.keys, next.keys, removed);
    if (lost.length === 0) return;
    const known = { settings: before.settings, keys: withoutRemoved(before.keys, removed) };
    const openers = from === undefined ? [] : this.#parts.openers(from);
    const danger = dangerOf(differencesOf(known, next), settings, from, openers);
    if (danger === undefined) return;
    const names = namesInSentence(lost.map(({ user, device }) => whoOf(user, device)));
    throw new NeedsYes(
      `Cannot take the keys of ${keysFile(stateDir)}: it holds no key of ${names} any more, or another one: ${danger}: put the file back (is the disk of ${stateDir} mounted?), ${ANYWAY}`,
    );
  }

  /** The state of the guard for the person who reloaded, as a clause. */
  #probation(armMs: number | undefined): string {
    const state = this.#parts.guardState();
    if (state === "lapsed") {
      return "; the probation ended without a confirmation, and nothing is guarded: begin again with sallyport arm";
    }
    if (state === "permanent") return "";
    const going =
      armMs === undefined ? "still on probation" : `on probation for ${formatDuration(armMs)}`;
    const otherwise =
      this.#before === undefined ? "the ports open again" : "the configuration before returns";
    return `; ${going}: knock, connect, and run sallyport confirm there, or ${otherwise}`;
  }

  #livingGrants({ cutOff }: Differences): readonly string[] {
    return cutOff.length === 0 ? [] : describeOutliving(cutOff, [...this.#parts.grants()]);
  }
}

/** The file is looked at again only where it held no key. */
function missingKeysOf({ settings, keys }: Configuration): string | undefined {
  return keys.length > 0 ? undefined : describeMissingKeys(settings.server.stateDir);
}

function refuseStartOnly(before: Settings, after: Settings): void {
  const changed = needsStart(before, after);
  if (changed === undefined) return;
  throw new SallyportError(
    `Cannot reload: ${changed}, which takes effect at the next start only: restart sallyport ("systemctl restart sallyport"), or put it back; nothing was changed`,
  );
}
