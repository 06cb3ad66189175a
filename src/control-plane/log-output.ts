/** The output of the log. It never waits for its reader: lines that are not taken in time are dropped and counted. */

import { writeIfReady } from "../native/ready-write.ts";

/** Bytes kept for a slow reader. */
const MOST_KEPT = 256 << 10;

/** A reader who takes nothing is tried again after this time. */
const RETRY_MS = 100;

export interface LogOutputParts {
  readonly fd: number;
  /** Makes the line that reports dropped ones. */
  readonly tellDropped: (lines: number) => string;
  /** Called for each dropped line. */
  readonly dropped: () => void;
}

export class LogOutput {
  readonly #parts: LogOutputParts;
  readonly #encoder = new TextEncoder();
  /** Whole lines, except for the written part of the first. */
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  /** Lines dropped since the reader last kept up. */
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: LogOutputParts) {
    this.#parts = parts;
  }

  /** Takes a line with its line end. Never waits and never throws. */
  write(line: string): void {
    if (this.#bytes >= MOST_KEPT) this.#drop(1);
    else this.#keep(line);
    if (this.#timer === undefined) this.#pass(0);
  }

  /**
   * Waits at most `mostMs` until all lines are taken; drops the rest. For the end of the process.
   */
  flush(mostMs: number): void {
    const endMs = performance.now() + mostMs;
    for (let leftMs = mostMs; this.#waiting.length > 0 && leftMs > 0;) {
      this.#pass(leftMs);
      leftMs = endMs - performance.now();
    }
    clearTimeout(this.#timer);
    this.#dropWaiting();
  }

  #keep(line: string): void {
    const bytes = this.#encoder.encode(line);
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    for (let i = 0; i < lines; i++) this.#parts.dropped();
  }

  #dropWaiting(): void {
    this.#drop(this.#waiting.length);
    this.#waiting = [];
    this.#bytes = 0;
  }

  /** Hands over as much as the reader takes now; tries again later with the rest. */
  #pass(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      while (this.#passOne(waitMs)) {
        if (this.#waiting.length > 0 || this.#dropped === 0) continue;
        const lines = this.#dropped;
        this.#dropped = 0;
        this.#keep(this.#parts.tellDropped(lines));
      }
    } catch {
      // The reader is gone: the journal ended, or the terminal was closed.
      this.#dropWaiting();
    }
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => this.#pass(0), RETRY_MS);
    this.#timer.unref();
  }

  /**
   * Hands over a piece of the first line; false where none is left or the reader takes none now.
   */
  #passOne(waitMs: number): boolean {
    const [first] = this.#waiting;
    if (first === undefined) return false;
    const written = writeIfReady(this.#parts.fd, first, waitMs);
    this.#bytes -= written;
    if (written === first.length) this.#waiting.shift();
    else this.#waiting[0] = first.subarray(written);
    return written > 0;
  }
}
