/** How doors come to the page, and go. */

import type { Door } from "./door.ts";
import { keepDoor, listDoors, readDoor, RefusedLink, removeDoor } from "./doors.ts";
import { find, findA } from "./elements.ts";
import { LANGUAGES } from "./languages.ts";
import { scan } from "./scan.ts";
import { announce, show, shown } from "./shown.ts";
import { chosenDoor } from "./state.ts";

let camera = new AbortController();

/** Keeps the door of the link in a text; refuses, in a sentence, what no page can knock with. */
export async function add(database: IDBDatabase, text: string): Promise<void> {
  let door: Door;
  try {
    door = await readDoor(text);
  } catch (error) {
    if (!(error instanceof RefusedLink)) throw error;
    show({ adding: true, refusal: error.reason });
    find("link").focus();
    return;
  }
  try {
    await keepDoor(database, door);
  } catch {
    return show({ broken: "noStore", ready: false });
  }
  findA(HTMLInputElement, "link").value = "";
  const doors = await listDoors(database);
  show({ doors, chosen: door.id, adding: false, refusal: undefined, outcome: undefined });
  announce(({ added }) => added(door.door, door.host));
  find("knock").focus();
  // A browser may otherwise throw the key away to make room.
  await navigator.storage?.persist?.();
}

/** Adds the door of the link that the camera sees. */
export async function scanDoor(database: IDBDatabase): Promise<void> {
  camera = new AbortController();
  show({ scanning: true, refusal: undefined });
  find("stop-scan").focus();
  try {
    const accept = (text: string) => /rks1:/i.test(text);
    const text = await scan(findA(HTMLVideoElement, "video"), accept, camera.signal);
    show({ scanning: false });
    if (text !== undefined) await add(database, text);
  } catch {
    show({ scanning: false, refusal: "noCamera" });
  }
}

export function stopScan(): void {
  camera.abort();
}

export function askToRemove(): void {
  const { door, host } = chosenDoor(shown())!;
  find("question").textContent = LANGUAGES[shown().language].removeQuestion(door, host);
  const sure = findA(HTMLDialogElement, "sure");
  sure.returnValue = ""; // the Escape key leaves the last answer there
  sure.showModal();
}

/** Removes the chosen door where that was the answer. */
export async function removeIfSure(database: IDBDatabase): Promise<void> {
  const door = chosenDoor(shown());
  if (door === undefined || findA(HTMLDialogElement, "sure").returnValue !== "remove") return;
  await removeDoor(database, door);
  const doors = await listDoors(database);
  show({ doors, chosen: undefined, outcome: undefined });
  announce(({ removed }) => removed(door.door, door.host));
  find(doors.length === 0 ? "link" : "knock").focus();
}
