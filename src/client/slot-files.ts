/**
 * Used slots as empty files, `slots/NAME/30s/SLOT`. The exclusive creation of a file is the claim, so two
 * knocks at once take different slots without a lock that a killed process could leave behind, and no
 * crash leaves a half-written record.
 */

import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { OpError, messageOf } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { highestUsable, slotsName } from "./slot-store.ts";
import type { SlotStore, SlotTerms } from "./slot-store.ts";

/**
 * Files kept: those of the highest slots, however far they lie apart, since a clock that runs ahead must not take the memory
 * of what was used before. A claim of a slot so far behind the highest is refused: its file may have been cleared away, so
 * creating it proves nothing.
 */
const SLOTS_KEPT = 16;

const REMEMBER = "a slot must be remembered before it is used: ";

function stateError(operation: string, path: string, thrown: unknown, why = REMEMBER): OpError {
  return new OpError(
    {
      operation,
      object: path,
      detail: codeOf(thrown) ?? messageOf(thrown),
      code: 0,
      remedy: `${why}make the folder writable, or name another in XDG_STATE_HOME`,
    },
    { cause: thrown },
  );
}

/** Every used slot still on file, in no order. */
function readSlots(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d{1,15}$/.test(name))
      .map(Number);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw stateError("read the slots used in", folder, error);
  }
}

/** The lengths, in seconds, of the slots in the folder of a key and door. */
function lengthsIn(folder: string): number[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) => (/^\d{1,5}s$/.test(name) ? [Number(name.slice(0, -1))] : []));
}

/** False where the file exists. */
function createSlot(folder: string, slot: number): boolean {
  const path = join(folder, String(slot));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // No fsync: a power cut that loses this lasts long enough that the clock has left the slot.
    closeSync(openSync(path, "wx", 0o600));
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw stateError("write", path, error);
  }
}

/**
 * Slots in files below `root`, which the first claim makes (0700). Throws an OpError where it
 * cannot read, write or remove them.
 */
export function slotFiles(root: string): SlotStore {
  const folderOf = (terms: SlotTerms) => join(root, slotsName(terms), `${terms.stepSeconds}s`);
  return {
    last: (terms) => {
      const slots = readSlots(folderOf(terms));
      return slots.length === 0 ? undefined : Math.max(...slots);
    },
    claim: (terms, slot) => {
      const folder = folderOf(terms);
      if (!createSlot(folder, slot)) return false;
      const slots = readSlots(folder).toSorted((a, b) => b - a);
      for (const old of slots.slice(SLOTS_KEPT)) rmSync(join(folder, String(old)), { force: true });
      return slot > slots[0]! - SLOTS_KEPT;
    },
    claimedMs: (terms, slot) =>
      statSync(join(folderOf(terms), String(slot)), { throwIfNoEntry: false })?.mtimeMs,
    forgetAhead: (terms, nowMs) => {
      const path = join(root, slotsName(terms));
      try {
        for (const length of lengthsIn(path)) {
          const folder = join(path, `${length}s`);
          const highest = highestUsable(nowMs, length);
          const ahead = readSlots(folder).filter((slot) => slot > highest);
          for (const slot of ahead) rmSync(join(folder, String(slot)), { force: true });
        }
      } catch (error) {
        if (error instanceof OpError) throw error;
        throw stateError("forget the slots used in", path, error, "");
      }
    },
  };
}
