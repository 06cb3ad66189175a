/** Addresses of the caller's memory, for C calls that take one in the middle of a buffer. */

import { ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";

export type { Pointer } from "bun:ffi";

/** The address of the bytes, valid as long as `memory` is referenced. */
export function addressOf(memory: Uint8Array): Pointer {
  // A short array lives inside its object until its buffer is first requested, which moves it.
  void memory.buffer;
  return ptr(memory);
}

/** The address `bytes` further on. */
export function offset(pointer: Pointer, bytes: number): Pointer {
  return (pointer + bytes) as Pointer;
}
