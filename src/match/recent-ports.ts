/** The last distinct ports each source has hit, and when. */

/**
 * Times are kept modulo 2^32 ms. A difference of two times is right while they are less than 24
 * days apart.
 */
function apart(a: number, b: number): number {
  return Math.abs((a - b) | 0);
}

/** A source that was away for longer has no port left: twelve days, within which `apart` is right. */
const LONGEST_AWAY_MS = 2 ** 30;

/** Milliseconds in the form that RecentPorts keeps. */
export function tick(timeMs: number): number {
  return Math.floor(timeMs) >>> 0;
}

/**
 * For each source (by its id in a SourceTable) a ring of the last `length` distinct ports. A port
 * that is hit again moves to the newest place with the new time. Ports more than two windows away
 * from the present packet are dropped from the old end: no packet to come can be in one window with
 * them, even where packets arrive a window out of order, and the modulo of the times never shows.
 */
export class RecentPorts {
  readonly length: number;
  readonly #windowMs: number;
  readonly #ports: Uint16Array;
  readonly #ticks: Uint32Array;
  /** The place of the oldest port in the ring, and the number of ports. */
  readonly #head: Uint16Array;
  readonly #count: Uint16Array;
  /**
   * The full time of the last hit: the ring of a source that was away for weeks is not read at all.
   */
  readonly #lastMs: Float64Array;

  constructor(sources: number, length: number, windowMs: number) {
    this.length = length;
    this.#windowMs = windowMs;
    this.#ports = new Uint16Array(sources * length);
    this.#ticks = new Uint32Array(sources * length);
    this.#head = new Uint16Array(sources);
    this.#count = new Uint16Array(sources);
    this.#lastMs = new Float64Array(sources);
  }

  /** Bytes for each source, for sizing tables. */
  static bytesPerSource(length: number): number {
    return length * 6 + 12;
  }

  /** Forgets the ports of a source, because its id has passed to another. */
  clear(id: number): void {
    this.#count[id] = 0;
  }

  /** Whether the source has no port that counts for a packet of this time, nor for one a window out of order. */
  isOver(id: number, timeMs: number): boolean {
    return Math.abs(timeMs - this.#lastMs[id]!) > 2 * this.#windowMs;
  }

  /** Records a hit. Returns how many distinct ports are kept now. */
  hit(id: number, port: number, timeMs: number): number {
    const length = this.length;
    const base = id * length;
    const ports = this.#ports;
    const ticks = this.#ticks;
    const now = tick(timeMs);
    const stale = 2 * this.#windowMs;
    let head = this.#head[id]!;
    let count = this.#count[id]!;

    if (count > 0 && Math.abs(timeMs - this.#lastMs[id]!) > LONGEST_AWAY_MS) count = 0;
    this.#lastMs[id] = timeMs;
    while (count > 0 && apart(now, ticks[base + head]!) > stale) {
      head = head + 1 === length ? 0 : head + 1;
      count--;
    }

    const found = this.#placeOf(base, head, count, port);
    if (found < 0) {
      if (count === length) head = head + 1 === length ? 0 : head + 1;
      else count++;
    } else {
      // Close the gap that the port leaves: newer ports move one place towards the old end.
      const end = base + length;
      let place = found;
      for (let left = count - 1 - this.#ageOf(base, head, found); left > 0; left--) {
        const next = place + 1 === end ? base : place + 1;
        ports[place] = ports[next]!;
        ticks[place] = ticks[next]!;
        place = next;
      }
    }
    let newest = head + count - 1;
    if (newest >= length) newest -= length;
    ports[base + newest] = port;
    ticks[base + newest] = now;
    this.#head[id] = head;
    this.#count[id] = count;
    return count;
  }

  /**
   * Sets `marks[port − lo] = mark` for each port that the source hit within a window of `timeMs`.
   * Returns how many these are.
   */
  mark(id: number, timeMs: number, marks: Uint8Array, mark: number, lo: number): number {
    const base = id * this.length;
    const now = tick(timeMs);
    let marked = 0;
    let place = this.#head[id]!;
    for (let left = this.#count[id]!; left > 0; left--) {
      if (apart(now, this.#ticks[base + place]!) <= this.#windowMs) {
        marks[this.#ports[base + place]! - lo] = mark;
        marked++;
      }
      place = place + 1 === this.length ? 0 : place + 1;
    }
    return marked;
  }

  /** Whether the ports `wanted[from … from + n)`, all kept for the source, lie within one window. */
  together(id: number, wanted: Uint16Array, from: number, n: number): boolean {
    const base = id * this.length;
    const first = this.#tickOf(base, id, wanted[from]!);
    let early = 0;
    let late = 0;
    for (let i = 1; i < n; i++) {
      const after = (this.#tickOf(base, id, wanted[from + i]!) - first) | 0;
      early = Math.min(early, after);
      late = Math.max(late, after);
    }
    return late - early <= this.#windowMs;
  }

  #tickOf(base: number, id: number, port: number): number {
    return this.#ticks[this.#placeOf(base, this.#head[id]!, this.#count[id]!, port)]!;
  }

  /** The index of a port in the arrays, or −1. */
  #placeOf(base: number, head: number, count: number, port: number): number {
    const ports = this.#ports;
    const end = base + this.length;
    const wrapped = base + head + count;
    const stop = wrapped > end ? end : wrapped;
    for (let place = base + head; place < stop; place++) if (ports[place] === port) return place;
    for (let place = base; place < wrapped - this.length; place++) {
      if (ports[place] === port) return place;
    }
    return -1;
  }

  /** How many ports of the ring are older than the port at `place`. */
  #ageOf(base: number, head: number, place: number): number {
    const age = place - base - head;
    return age < 0 ? age + this.length : age;
  }
}
