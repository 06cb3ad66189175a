/** The page: hears what its reader does, and draws what became of it. */

import { change, openDatabase, reading, request } from "./database.ts";
import type { Door } from "./door.ts";
import { keepDoor, listDoors, readDoor, RefusedLink, removeDoor } from "./doors.ts";
import { destinationAfter, draw, drawTime } from "./draw.ts";
import { find, findA } from "./elements.ts";
import { offerHomeScreen } from "./home-screen.ts";
import { knock } from "./knock.ts";
import { isLanguage, LANGUAGE_CODES, languageOf, LANGUAGES } from "./languages.ts";
import { takeLinkFromAddress } from "./link-in-address.ts";
import { mayBeKeptFrom } from "./own-network.ts";
import { canScan, scan } from "./scan.ts";
import { forgetSlots } from "./slots.ts";
import { chosenDoor, type State } from "./state.ts";

/** Before anything else, so that the link is in the address for as short a time as can be. */
const given = takeLinkFromAddress(location, history);

/** Long enough to read that the door is open. */
const LAUNCH_AFTER_MS = 900;
const TICK_MS = 250;

let state: State = {
  ready: false,
  language: languageOf(navigator.languages),
  doors: [],
  adding: false,
  scanning: false,
  canScan: false,
  // The history of the browser keeps an address that it has seen, whatever becomes of it.
  fromAddress: given !== undefined,
  skipped: false,
  network: false,
};

function show(changed: Partial<State>): void {
  state = { ...state, ...changed };
  draw(state, new Date());
}

/** For screen readers: what happened, where nothing else says it. */
function announce(text: string): void {
  find("said").textContent = text;
}

async function start(): Promise<void> {
  // Also where it can only say that it cannot work.
  for (const id of LANGUAGE_CODES) {
    find(id).addEventListener("click", () => show({ language: id }));
  }
  if (!isSecureContext || crypto.subtle === undefined) return show({ broken: "noKeys" });
  let database: IDBDatabase;
  try {
    database = await openDatabase();
  } catch {
    return show({ broken: "noStore" });
  }
  const saved = await request<unknown>(reading(database, "settings").get("language"));
  const kept = {
    ...(isLanguage(saved) && { language: saved }),
    doors: await listDoors(database),
    canScan: await canScan(),
  };
  listen(database);
  show({ ...kept, ready: true });
  if (given !== undefined) await add(database, given);
  addEventListener("hashchange", () => {
    const link = takeLinkFromAddress(location, history);
    if (link === undefined) return;
    show({ fromAddress: true });
    void add(database, link);
  });
}

function listen(database: IDBDatabase): void {
  const on = (id: string, event: string, work: (event: Event) => unknown) =>
    find(id).addEventListener(event, (happened) => void work(happened));

  for (const id of LANGUAGE_CODES) {
    on(id, "click", () =>
      change(database, "settings", (settings) => request(settings.put(id, "language"))),
    );
  }
  on("form", "submit", async (event) => {
    event.preventDefault();
    await add(database, findA(HTMLInputElement, "link").value);
  });
  on("cancel", "click", () => show({ adding: false, refusal: undefined }));
  on("scan", "click", () => scanInto(database));
  on("choice", "change", (event) => {
    show({ chosen: (event.target as HTMLInputElement).value, outcome: undefined, skipped: false });
    document.querySelector<HTMLElement>("#choice :checked")?.focus();
  });
  on("knock", "click", () => knockNow(database));
  on("launch", "change", () => setLaunch(database));
  on("forget", "click", async () => {
    await forgetSlots(database, chosenDoor(state)!);
    show({ outcome: undefined });
    find("knock").focus();
  });
  on("add-another", "click", () => {
    show({ adding: true, outcome: undefined });
    find("link").focus();
  });
  on("remove", "click", () => {
    const { door, host } = chosenDoor(state)!;
    find("question").textContent = LANGUAGES[state.language].removeQuestion(door, host);
    const sure = findA(HTMLDialogElement, "sure");
    sure.returnValue = ""; // the Escape key leaves the last answer there
    sure.showModal();
  });
  on("sure", "close", () => remove(database));
  setInterval(() => drawTime(state, Date.now()), TICK_MS);
}

/** Refuses what no page can knock with, in a sentence. */
async function add(database: IDBDatabase, text: string): Promise<void> {
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
  announce(LANGUAGES[state.language].added(door.door, door.host));
  find("knock").focus();
  // A browser may otherwise throw the key away to make room.
  await navigator.storage?.persist?.();
}

async function scanInto(database: IDBDatabase): Promise<void> {
  const stop = new AbortController();
  find("stop-scan").addEventListener("click", () => stop.abort(), { once: true });
  show({ scanning: true, refusal: undefined });
  find("stop-scan").focus();
  try {
    const accept = (text: string) => /rks1:/i.test(text);
    const text = await scan(findA(HTMLVideoElement, "video"), accept, stop.signal);
    show({ scanning: false });
    if (text !== undefined) await add(database, text);
  } catch {
    show({ scanning: false, refusal: "noCamera" });
  }
}

async function knockNow(database: IDBDatabase): Promise<void> {
  const door = chosenDoor(state);
  if (door === undefined || state.progress !== undefined) return;
  show({ outcome: undefined, skipped: false, fromAddress: false });
  const outcome = await knock(database, door, (progress) => {
    show({
      progress,
      skipped: state.skipped || (progress.kind !== "looking" && progress.skipped),
    });
  });
  show({ progress: undefined, outcome, network: await mayBeKeptFrom(door.host), chosen: door.id });
  find("outcome").scrollIntoView({ block: "nearest" });
  const destination = destinationAfter(door, outcome);
  if (destination === undefined) return;
  find("go").focus();
  // Where it may be closed still, its reader decides.
  if (chosenDoor(state)?.launch === true && outcome.kind !== "unclear") {
    setTimeout(() => location.assign(destination.url), LAUNCH_AFTER_MS);
  }
}

async function setLaunch(database: IDBDatabase): Promise<void> {
  const door = { ...chosenDoor(state)!, launch: findA(HTMLInputElement, "launch").checked };
  await keepDoor(database, door);
  show({ doors: state.doors.map((other) => (other.id === door.id ? door : other)) });
}

async function remove(database: IDBDatabase): Promise<void> {
  const door = chosenDoor(state);
  if (door === undefined || findA(HTMLDialogElement, "sure").returnValue !== "remove") return;
  await removeDoor(database, door);
  show({ doors: await listDoors(database), chosen: undefined, outcome: undefined });
  announce(LANGUAGES[state.language].removed(door.door, door.host));
  find(state.doors.length === 0 ? "link" : "knock").focus();
}

show({});
void start();
void offerHomeScreen();
