/** Which slot a page may use now: as for every client, and without those that a browser cannot send. */

import { chooseSlot, type SlotChoice } from "../rks/slot-choice.ts";

/** `skipped`: a slot was left out, since its sequence has a port that browsers never call. */
export type PageChoice = SlotChoice & { readonly skipped: boolean };

/** Like `chooseSlot`, among the slots that `callable` accepts; it is asked for those that may be used now. */
export function chooseCallable(
  present: number,
  last: number | undefined,
  callable: (slot: number) => boolean,
): PageChoice {
  let skipped = false;
  let choice = chooseSlot(present, last);
  while (choice.kind === "use" && !callable(choice.slot)) {
    skipped = true;
    choice = chooseSlot(present, choice.slot);
  }
  return { ...choice, skipped };
}
