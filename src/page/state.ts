/** What the page shows: one value, from which all of it is drawn. */

import type { Door } from "./door.ts";
import type { Outcome, Progress } from "./knock.ts";
import type { LanguageCode, Refusal } from "./texts.ts";

export interface State {
  /** What the browser keeps has been read, and the page hears its reader. */
  readonly ready: boolean;
  readonly language: LanguageCode;
  readonly doors: readonly Door[];
  /** The id of the door that is shown. */
  readonly chosen?: string | undefined;
  /** The form for a link is open although there are doors. */
  readonly adding: boolean;
  readonly refusal?: Refusal | "noCamera" | undefined;
  readonly scanning: boolean;
  readonly canScan: boolean;
  /** The last link came in the address of the page. */
  readonly fromAddress: boolean;
  readonly progress?: Progress | undefined;
  readonly outcome?: Outcome | undefined;
  /** The sequence of the moment was left out for the last knock. */
  readonly skipped: boolean;
  /** The browser may keep the page from the host of the door. */
  readonly network: boolean;
  /** Why the page can do nothing here. */
  readonly broken?: "noKeys" | "noStore" | undefined;
}

export function chosenDoor({ doors, chosen }: State): Door | undefined {
  return doors.find(({ id }) => id === chosen) ?? doors[0];
}
