/** Matching in one knock space: docs/rks.md, "Believing a knock". */

import type { Knock } from "../core/knock.ts";
import { PROTO_NUMBER } from "../core/port.ts";
import type { KnockSpace } from "../rks/space.ts";
import type { SlotPage } from "./slot-page.ts";
import { Pages } from "./pages.ts";
import type { RecentPorts } from "./recent-ports.ts";
import type { SpaceSources } from "./space-sources.ts";
import type { SubjectGroup } from "./subject-table.ts";
import type { Uses } from "./uses.ts";

/** All subjects with equal terms. */
export class RotatingSpace {
  readonly pages: Pages;
  readonly #space: KnockSpace;
  readonly #proto: number;
  readonly #uses: Uses;
  #sources: SpaceSources | undefined;
  /**
   * `marks[port − lo] === #mark` for the ports under examination; older values need no clearing.
   */
  readonly #marks: Uint8Array;
  #mark = 0;

  constructor(group: SubjectGroup, uses: Uses, sources: SpaceSources) {
    const { space } = group;
    this.#space = space;
    this.#proto = PROTO_NUMBER[space.proto];
    this.#uses = uses;
    this.pages = new Pages(group);
    this.#marks = new Uint8Array(space.hi - space.lo + 1);
    this.#sources = sources;
  }

  /** The sources of this space; whoever hears by the same terms after it may take them over. None after `release`. */
  get sources(): SpaceSources | undefined {
    return this.#sources;
  }

  /** Lets all sources and sequences go; the space hears nothing any more. */
  release(): void {
    this.pages.release();
    this.#sources = undefined;
  }

  feed(knock: Knock): void {
    const sources = this.#sources;
    if (sources === undefined) return;
    const { lo, hi, ports: n } = this.#space;
    const { port, timeMs } = knock;
    if (port < lo || port > hi || knock.proto !== this.#proto) return;
    this.pages.turnTo(timeMs);

    const { table, recent } = knock.family === 4 ? sources.v4 : sources.v6;
    const { s0, s1, s2, s3 } = knock;
    let id = table.find(s0, s1, s2, s3, 0);
    if (id < 0) {
      if (!this.#isValid(port - lo)) return;
      // Its memory serves the new source: few strangers at a time touch little of the table, however many come in a day.
      const oldest = table.oldest();
      if (oldest >= 0 && recent.isOver(oldest, timeMs)) table.remove(oldest);
      id = table.admit(s0, s1, s2, s3, 0);
      recent.clear(id);
    } else {
      table.renew(id);
    }
    if (recent.hit(id, port, timeMs) < n) return;

    let marked = -1;
    for (const page of this.pages.accepted) {
      if (page.offsets[port - lo] === page.offsets[port - lo + 1]) continue;
      if (marked < 0) marked = this.#markPorts(recent, id, timeMs);
      if (marked < n) return;
      this.#tryHolders(page, recent, id, knock);
    }
  }

  /** Whether a sequence worth remembering contains port `lo + p`. */
  #isValid(p: number): boolean {
    const pages = this.pages.remembered;
    for (let i = 0; i < pages.length; i++) {
      const { offsets } = pages[i]!;
      if (offsets[p] !== offsets[p + 1]) return true;
    }
    return false;
  }

  #markPorts(recent: RecentPorts, id: number, timeMs: number): number {
    if (this.#mark === 255) {
      this.#marks.fill(0);
      this.#mark = 0;
    }
    return recent.mark(id, timeMs, this.#marks, ++this.#mark, this.#space.lo);
  }

  /** Tries every sequence of the page that contains the knock's port. */
  #tryHolders(page: SlotPage, recent: RecentPorts, id: number, knock: Knock): void {
    const { lo, ports: n } = this.#space;
    const { ports, offsets, holders, companions } = page;
    const marks = this.#marks;
    const mark = this.#mark;
    const end = offsets[knock.port - lo + 1]!;
    for (let at = offsets[knock.port - lo]!; at < end; at++) {
      // Besides the port that came: of many thousand sequences nearly all end here, in one cache
      // line.
      if (marks[companions[at]! - lo] !== mark) continue;
      const holder = holders[at]!;
      const from = holder * n;
      let hit = 0;
      while (hit < n && marks[ports[from + hit]! - lo] === mark) hit++;
      if (hit < n || !recent.together(id, ports, from, n)) continue;
      this.#uses.complete(holder, page.slot, knock);
    }
  }
}
