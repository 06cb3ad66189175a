/** What the big button does, and what follows when the door is open. */

import { keepDoor } from "./doors.ts";
import { destinationAfter } from "./draw.ts";
import { find, findA } from "./elements.ts";
import { knock } from "./knock.ts";
import { mayBeKeptFrom } from "./own-network.ts";
import { show, shown } from "./shown.ts";
import { forgetSlots } from "./slots.ts";
import { chosenDoor } from "./state.ts";

/** Long enough to read that the door is open. */
const LAUNCH_AFTER_MS = 900;

/** Knocks at the chosen door, shows the outcome, and goes where the door leads. */
export async function knockNow(database: IDBDatabase): Promise<void> {
  const door = chosenDoor(shown());
  if (door === undefined || shown().progress !== undefined) return;
  show({ outcome: undefined, skipped: false, fromAddress: false });
  const outcome = await knock(database, door, (progress) => {
    const skipped = shown().skipped || (progress.kind !== "looking" && progress.skipped);
    show({ progress, skipped });
  });
  show({ progress: undefined, outcome, network: await mayBeKeptFrom(door.host) });
  find("outcome").scrollIntoView({ block: "nearest" });
  const destination = destinationAfter(door, outcome);
  if (destination === undefined) return;
  find("go").focus();
  // Where it may be closed still, its reader decides.
  if (chosenDoor(shown())?.launch !== true || outcome.kind === "unclear") return;
  setTimeout(() => {
    const wanted = shown().outcome === outcome && !findA(HTMLDialogElement, "sure").open;
    if (wanted) location.assign(destination.url); // nothing else was begun meanwhile
  }, LAUNCH_AFTER_MS);
}

/** Keeps whether its reader wants to go there at once. */
export async function keepLaunch(database: IDBDatabase): Promise<void> {
  const door = { ...chosenDoor(shown())!, launch: findA(HTMLInputElement, "launch").checked };
  await keepDoor(database, door);
  show({ doors: shown().doors.map((other) => (other.id === door.id ? door : other)) });
}

export async function forgetKnock(database: IDBDatabase): Promise<void> {
  await forgetSlots(database, chosenDoor(shown())!);
  show({ outcome: undefined });
  find("knock").focus();
}
