/** The page: hears what its reader does. */

import { add, askToRemove, removeIfSure, scanDoor, stopScan } from "./adding.ts";
import { change, openDatabase, reading, request } from "./database.ts";
import { listDoors } from "./doors.ts";
import { drawTime } from "./draw.ts";
import { find, findA } from "./elements.ts";
import { offerHomeScreen } from "./home-screen.ts";
import { forgetKnock, keepLaunch, knockNow } from "./knocking.ts";
import { isLanguage, LANGUAGE_CODES } from "./languages.ts";
import { takeLinkFromAddress } from "./link-in-address.ts";
import { canScan } from "./scan.ts";
import { show, shown } from "./shown.ts";

/** Before anything else, so that the link is in the address for as short a time as can be. */
const given = takeLinkFromAddress(location, history);

const TICK_MS = 250;

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
  on("cancel", "click", () => {
    stopScan();
    show({ adding: false, refusal: undefined });
  });
  on("scan", "click", () => scanDoor(database));
  on("stop-scan", "click", stopScan);
  on("choice", "change", (event) => {
    show({ chosen: (event.target as HTMLInputElement).value, outcome: undefined, skipped: false });
    document.querySelector<HTMLElement>("#choice :checked")?.focus();
  });
  on("knock", "click", () => knockNow(database));
  on("launch", "change", () => keepLaunch(database));
  on("forget", "click", () => forgetKnock(database));
  on("add-another", "click", () => {
    show({ adding: true, outcome: undefined });
    find("link").focus();
  });
  on("remove", "click", askToRemove);
  on("sure", "close", () => removeIfSure(database));
  addEventListener("hashchange", () => {
    const link = takeLinkFromAddress(location, history);
    if (link === undefined) return;
    show({ fromAddress: true });
    void add(database, link);
  });
  setInterval(() => drawTime(shown(), Date.now()), TICK_MS);
}

// The history of the browser keeps an address that it has seen, whatever becomes of it.
show({ fromAddress: given !== undefined });
void start();
void offerHomeScreen();
