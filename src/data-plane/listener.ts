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

export class Listener implements Disposable {
  readonly #counters: Counters;
  readonly #poll: Polled;
  readonly #local = new LocalAddresses();
  readonly #knock = emptyKnock();
  readonly #heard: readonly PortRange[];
  readonly #wanted: readonly string[];
  readonly #sources = new Map<string, FrameSource>();
  /** The same as pairs in an array, for a walk without an iterator. */
  #walked: readonly (readonly [name: string, source: FrameSource])[] = [];
  readonly #hits: HitLog;
  readonly #dropsBefore = new WeakMap<FrameSource, number>();
  #standsIn = false;
  matcher: Matcher;

  /**
   * Opens all of these interfaces that it can. When none opens, every interface of the machine stands in for
   * them if it may. Else it throws, because then no knock is ever heard.
   */
  constructor(
    interfaces: readonly string[],
    heard: readonly PortRange[],
    mayStandIn: boolean,
    parts: { matcher: Matcher; hits: HitLog; counters: Counters; poll: Polled },
  ) {
    this.#wanted = interfaces;
    this.#heard = heard;
    this.matcher = parts.matcher;
    this.#hits = parts.hits;
    this.#counters = parts.counters;
    this.#poll = parts.poll;
    this.#poll.add(this.#local.fd);
    const failures = this.attachMissing(mayStandIn);
    if (this.#sources.size === 0 && failures[0] !== undefined) {
      this[Symbol.dispose]();
      throw failures[0];
    }
  }

  get attached(): readonly string[] {
    return [...this.#sources.keys()];
  }

  get missing(): readonly string[] {
    return this.#wanted.filter((name) => !this.#sources.has(name));
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
    const failures = this.missing.flatMap((name) => this.#attach(name));
    const isNamed = this.missing.length < this.#wanted.length;
    const every = this.#sources.get(EVERY_INTERFACE);
    if (isNamed && this.#standsIn && every !== undefined) this.#close(EVERY_INTERFACE, every);
    if (!isNamed && !this.#standsIn && mayStandIn && !this.#wanted.includes(EVERY_INTERFACE)) {
      this.#standsIn = this.#attach(EVERY_INTERFACE).length === 0;
    }
    this.#counters.set("captureInterfaces", this.#sources.size);
    return failures;
  }

  #attach(name: string): unknown[] {
    try {
      const source = openInterface(name, (linkType) => knockFilter(this.#heard, linkType));
      this.#sources.set(name, source);
      this.#walked = [...this.#sources];
      this.#poll.add(source.fd);
      return [];
    } catch (error) {
      return [error];
    }
  }

  /**
   * Takes a batch from every interface that has frames; call it when `poll` reports some. Returns a
   * sentence for each interface that was lost.
   */
  drain(): readonly string[] {
    if (this.#poll.ready(this.#local.fd)) this.#local.drain();
    let lost: string[] | undefined;
    const walked = this.#walked;
    for (let i = 0; i < walked.length; i++) {
      const source = walked[i]![1];
      if (!this.#poll.ready(source.fd)) continue;
      try {
        this.#counters.add("packets", source.drain(this.#decode, BATCH));
      } catch (error) {
        this.#drop(walked[i]![0], source);
        (lost ??= []).push(messageOf(error));
      }
    }
    return lost ?? NONE_LOST;
  }

  /** Takes the frames that wait now, from every interface, whatever `poll` last said. */
  takeWaiting(): void {
    this.#local.drain();
    for (const [, source] of this.#walked) {
      try {
        // No more than can have waited: under a flood the kernel would never run out.
        for (let taken = 0, last = BATCH; last === BATCH && taken < WAITING; taken += last) {
          last = source.drain(this.#decode, BATCH);
          this.#counters.add("packets", last);
        }
      } catch {
        // The interface is gone. Whoever hears after this listener says so.
      }
    }
  }

  /**
   * Reads the kernel's drop counts into the counters. Returns how many are new since the last call,
   * and a sentence for each interface that is gone: one deleted while it was down never wakes
   * `poll`.
   */
  countDrops(): { fresh: number; lost: string[] } {
    const lost: string[] = [];
    let fresh = 0;
    for (const [name, source] of this.#sources) {
      try {
        const { dropped } = source.stats();
        fresh += Math.max(0, dropped - (this.#dropsBefore.get(source) ?? 0));
        this.#dropsBefore.set(source, dropped);
      } catch (error) {
        this.#drop(name, source);
        lost.push(messageOf(error));
      }
    }
    this.#counters.add("captureDrops", fresh);
    return { fresh, lost };
  }

  [Symbol.dispose](): void {
    // The counter is left alone: after a reload it counts the captures of the listener that took
    // over.
    for (const [name, source] of this.#sources) this.#close(name, source);
    this.#poll.remove(this.#local.fd);
    this.#local.close();
  }

  #drop(name: string, source: FrameSource): void {
    this.#close(name, source);
    this.#counters.set("captureInterfaces", this.#sources.size);
  }

  #close(name: string, source: FrameSource): void {
    this.#poll.remove(source.fd);
    this.#sources.delete(name);
    this.#walked = [...this.#sources];
    if (name === EVERY_INTERFACE) this.#standsIn = false;
    source.close();
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
    if (this.#standsIn) this.matcher.feedRotating(knock);
    else this.matcher.feed(knock);
    // After the door, which must not wait for an explanation.
    this.#hits.note(knock);
  };
}
