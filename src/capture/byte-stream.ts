/**
 * The bytes of a file in their order. However large the file is, only one chunk of it is in memory.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { messageOf, OpError } from "../core/errors.ts";
import { codeOf, errnoNumber } from "../core/system-error.ts";

const CHUNK_BYTES = 1024 * 1024;

const READABLE = "name a .pcap or .pcapng file that you may read";

/** The errors that a mistyped name leads to, in words: the runtime's own text repeats the name. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
  EISDIR: "it is a folder",
};

function reasonOf(error: unknown): string {
  return REASONS[codeOf(error) ?? ""] ?? messageOf(error);
}

/** Standard input, as other programs name it. */
const STDIN = "-";

/** The file ended in the middle of something. */
export class CutShort extends Error {
  override readonly name = "CutShort";
}

/** Reads forward only, so that pipes work too. Every method but `close` throws OpError when reading fails. */
export class ByteStream {
  /** The path, for messages. */
  readonly name: string;
  /** Holds the bytes that `need` made sure of, from `at` on; overwritten by the next `need`. */
  readonly view = new DataView(new ArrayBuffer(CHUNK_BYTES));
  readonly #bytes = new Uint8Array(this.view.buffer);
  #file: number | undefined;
  /** The bytes read and not taken yet: `view[#from, #to)`. */
  #from = 0;
  #to = 0;
  #taken = 0;

  constructor(path: string) {
    this.name = path;
    try {
      this.#file = openSync(path === STDIN ? "/dev/stdin" : path, "r");
    } catch (error) {
      throw failure("open", path, reasonOf(error), READABLE, error);
    }
  }

  /** The offset in `view` of the next byte. */
  get at(): number {
    return this.#from;
  }

  /** How many bytes of the file were taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether the next `bytes`, at most a chunk, exist; they are then in `view` at `at`. */
  has(bytes: number): boolean {
    if (this.#to - this.#from >= bytes) return true;
    this.#bytes.copyWithin(0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    while (this.#to < bytes) {
      const read = this.#read();
      if (read === 0) return false;
      this.#to += read;
    }
    return true;
  }

  /** Like `has`, but throws CutShort where they do not exist. */
  need(bytes: number): void {
    if (!this.has(bytes)) throw new CutShort();
  }

  /** Takes bytes that `has` or `need` made sure of. */
  take(bytes: number): void {
    this.#from += bytes;
    this.#taken += bytes;
  }

  /** Takes any number of bytes unseen; throws CutShort where the file ends before. */
  skip(bytes: number): void {
    for (let left = bytes; left > 0;) {
      this.need(1);
      const step = Math.min(left, this.#to - this.#from);
      this.take(step);
      left -= step;
    }
  }

  /** An error about the content of the file. */
  failure(detail: string, remedy: string): OpError {
    return failure("read", this.name, detail, remedy);
  }

  /** May be called more than once. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #read(): number {
    if (this.#file === undefined) throw new TypeError(`The file ${this.name} is closed`);
    try {
      return readSync(this.#file, this.#bytes, this.#to, CHUNK_BYTES - this.#to, null);
    } catch (error) {
      throw failure("read", this.name, reasonOf(error), READABLE, error);
    }
  }
}

function failure(
  operation: string,
  object: string,
  detail: string,
  remedy: string,
  cause?: unknown,
): OpError {
  return new OpError({ operation, object, detail, code: errnoNumber(cause), remedy }, { cause });
}
