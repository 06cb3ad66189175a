/** Listens on the interfaces: frames → knocks → matcher, and nothing else on the way. */

import { knockFilter } from "../capture/filter.ts";
import type { FrameSink, FrameSource } from "../capture/frame-source.ts";
import { openInterface } from "../capture/interface.ts";
import { LocalAddresses } from "../capture/local-addresses.ts";
import type { Counters } from "../core/counters.ts";
import { messageOf } from "../core/errors.ts";
import { emptyKnock } from "../core/knock.ts";
import type { PortRange } from "../core/port.ts";
import { decodeFrame } from "../decode/frame.ts";
import type { HitLog } from "../match/hit-log.ts";
import type { Matcher } from "../match/matcher.ts";
import type { Polled } from "../native/poll-set.ts";
import { EVERY_INTERFACE } from "./stand-in.ts";

/**
 * Frames taken from one interface before the others get their turn; `pace.ts` recognises a full
 * batch by it.
 */
export const BATCH = 512;

/** More frames than the buffer of a capture holds. */
const WAITING = 32_768;

/** Nothing was lost, as mostly: shared, because the path of a packet makes no garbage. */
const NONE_LOST: readonly string[] = [];

/** One open capture. */
interface Attached {
  readonly name: string;
  readonly source: FrameSource;
  readonly filter: string;
  /** Frames that the kernel had dropped when they were counted last. */
  dropped: number;
}

export interface ListenerParts {
  readonly matcher: Matcher;
  readonly hits: HitLog;
  readonly counters: Counters;
  readonly poll: Polled;
  /** The listener that this one replaces: its captures that hear the same are taken over, with all that waits in them. */
  readonly before?: Disposable;
}

export class Listener implements Disposable {
  readonly #counters: Counters;
  readonly #poll: Polled;
  readonly #local = new LocalAddresses();
  readonly #knock = emptyKnock();
  readonly #heard: readonly PortRange[];
  readonly #wanted: readonly string[];
  /** An array, for a walk without an iterator. */
  #captures: readonly Attached[] = [];
  readonly #hits: HitLog;
  #standsIn = false;
  /** Another listener has taken over. */
  #ends = false;
  #matcher: Matcher;

  /**
   * Opens all of these interfaces that it can. When none opens, every interface of the machine stands in for
   * them if it may. Else it throws, because then no knock is ever heard, and `before` stays as it was.
   */
  constructor(
    interfaces: readonly string[],
    heard: readonly PortRange[],
    mayStandIn: boolean,
    parts: ListenerParts,
  ) {
    this.#wanted = interfaces;
    this.#heard = heard;
    this.#matcher = parts.matcher;
    this.#hits = parts.hits;
    this.#counters = parts.counters;
    this.#poll = parts.poll;
    this.#poll.add(this.#local.fd);
    const before = parts.before instanceof Listener ? parts.before : undefined;
    const failures = this.#attachAll(mayStandIn, before);
    if (this.#captures.length === 0 && failures[0] !== undefined) {
      this[Symbol.dispose]();
      throw failures[0];
    }
  }

  get attached(): readonly string[] {
    return this.#captures.map(({ name }) => name);
  }

  get missing(): readonly string[] {
    return this.#wanted.filter((name) => this.#capture(name) === undefined);
  }

  /** The interfaces that are attached and down. They are heard again once they are up. */
  get down(): readonly string[] {
    return this.#captures.flatMap(({ name, source }) => (source.isDown ? [name] : []));
  }

  /**
   * Whether all interfaces stand in for those of the configuration, none of which exists: a guard with nobody who
   * hears would keep everybody out. A fixed sequence opens nothing meanwhile: whoever overheard it may be there.
   */
  get standsIn(): boolean {
    return this.#standsIn;
  }

  /** Tries to open the interfaces that are not attached. Returns an error for each that fails. */
  attachMissing(mayStandIn = true): unknown[] {
    return this.#attachAll(mayStandIn);
  }

  #attachAll(mayStandIn: boolean, before?: Listener): unknown[] {
    const failures = this.missing.flatMap((name) => this.#attach(name, before));
    const isNamed = this.missing.length < this.#wanted.length;
    const every = this.#capture(EVERY_INTERFACE);
    if (isNamed && this.#standsIn && every !== undefined) this.#close(every);
    if (!isNamed && !this.#standsIn && mayStandIn && !this.#wanted.includes(EVERY_INTERFACE)) {
      this.#standsIn = this.#attach(EVERY_INTERFACE, before).length === 0;
    }
    this.#counters.set("captureInterfaces", this.#captures.length);
    return failures;
  }

  #attach(name: string, before?: Listener): unknown[] {
    try {
      const capture = (before && before.#give(name, this.#heard)) ?? this.#open(name);
      this.#captures = [...this.#captures, capture];
      this.#poll.add(capture.source.fd);
      return [];
    } catch (error) {
      return [error];
    }
  }

  #open(name: string): Attached {
    let filter = "";
    const source = openInterface(name, (linkType) => (filter = knockFilter(this.#heard, linkType)));
    return { name, source, filter, dropped: 0 };
  }

  #capture(name: string): Attached | undefined {
    return this.#captures.find((capture) => capture.name === name);
  }

  /** Hands the capture of an interface to a listener that hears these ranges, where it lives and hears the same. */
  #give(name: string, heard: readonly PortRange[]): Attached | undefined {
    const capture = this.#capture(name);
    if (capture === undefined) return undefined;
    if (capture.filter !== knockFilter(heard, capture.source.linkType)) return undefined;
    try {
      capture.source.stats();
    } catch {
      return undefined; // The interface is gone. Another may have its name.
    }
    this.#forget(capture);
    return capture;
  }

  /**
   * Takes a batch from every interface that has frames; call it when `poll` reports some. Returns a
   * sentence for each interface that was lost.
   */
  drain(): readonly string[] {
    if (this.#poll.ready(this.#local.fd)) this.#local.drain();
    let lost: string[] | undefined;
    const captures = this.#captures;
    for (let i = 0; i < captures.length; i++) {
      const capture = captures[i]!;
      if (!this.#poll.ready(capture.source.fd)) continue;
      try {
        this.#counters.add("packets", capture.source.drain(this.#decode, BATCH));
      } catch (error) {
        this.#drop(capture);
        (lost ??= []).push(messageOf(error));
      }
    }
    return lost ?? NONE_LOST;
  }

  /**
   * Takes the frames that wait now, whatever `poll` last said, and counts what was dropped. Returns a sentence for each
   * interface that was lost.
   */
  takeWaiting(): readonly string[] {
    const lost: string[] = [];
    for (const capture of this.#captures) {
      try {
        // No more than can have waited: under a flood the kernel would never run out.
        for (let taken = 0, last = BATCH; last === BATCH && taken < WAITING; taken += last) {
          last = capture.source.drain(this.#decode, BATCH);
          this.#counters.add("packets", last);
        }
      } catch (error) {
        this.#drop(capture);
        lost.push(messageOf(error));
      }
    }
    return [...lost, ...this.countDrops().lost];
  }

  /**
   * Takes what waits for the matcher that hears from now on, from captures that nobody took over, and closes them. No
   * fixed sequence hears it: the new captures may have the same packets, and each may count there once only.
   */
  end(matcher: Matcher): void {
    this.#matcher = matcher;
    this.#ends = true;
    this.takeWaiting();
    this[Symbol.dispose]();
  }

  /**
   * Reads the kernel's drop counts into the counters. Returns how many are new since the last call,
   * and a sentence for each interface that is gone: one deleted while it was down never wakes
   * `poll`.
   */
  countDrops(): { fresh: number; lost: string[] } {
    const lost: string[] = [];
    let fresh = 0;
    for (const capture of this.#captures) {
      try {
        const { dropped } = capture.source.stats();
        fresh += Math.max(0, dropped - capture.dropped);
        capture.dropped = dropped;
      } catch (error) {
        this.#drop(capture);
        lost.push(messageOf(error));
      }
    }
    this.#counters.add("captureDrops", fresh);
    return { fresh, lost };
  }

  [Symbol.dispose](): void {
    // The counter is left alone: after a reload it counts the captures of the listener that took
    // over.
    for (const capture of this.#captures) this.#close(capture);
    this.#poll.remove(this.#local.fd);
    this.#local.close();
  }

  #drop(capture: Attached): void {
    this.#close(capture);
    if (!this.#ends) this.#counters.set("captureInterfaces", this.#captures.length);
  }

  #close(capture: Attached): void {
    this.#poll.remove(capture.source.fd);
    this.#forget(capture);
    capture.source.close();
  }

  #forget(capture: Attached): void {
    this.#captures = this.#captures.filter((one) => one !== capture);
    if (capture.name === EVERY_INTERFACE) this.#standsIn = false;
  }

  /** One closure for the life of the listener: the packet path allocates nothing. */
  readonly #decode: FrameSink = (frame, offset, length, timeMs, linkType) => {
    const knock = this.#knock;
    if (!decodeFrame(linkType, frame, offset, length, knock)) {
      this.#counters.add("unknownFrames");
      return;
    }
    if (!this.#local.has(knock.family, knock.d0, knock.d1, knock.d2, knock.d3)) {
      this.#counters.add("foreignFrames");
      return;
    }
    knock.timeMs = timeMs;
    this.#counters.add("knocks");
    if (this.#standsIn || this.#ends) this.#matcher.feedRotating(knock);
    else this.#matcher.feed(knock);
    // After the door, which must not wait for an explanation.
    this.#hits.note(knock);
  };
}
