/** Keys of devices, and the error of a work with them. */

import { expect } from "bun:test";
import { SallyportError } from "../../src/core/errors.ts";
import { makeKey } from "../../src/keys/keys.ts";
import type { DeviceKey } from "../../src/keys/keys.ts";

/** A new key of the server "gate-7f3a". */
export function device(user: string, name = "default"): DeviceKey {
  return { user, device: name, key: makeKey("gate-7f3a"), addedMs: 1_790_000_000_000 };
}

/** The SallyportError that `work` must throw. */
export function errorOf(work: () => unknown): SallyportError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(SallyportError);
    return error as SallyportError;
  }
  throw new Error("nothing was thrown");
}
