/** One knock from the press of the button to its outcome. */

import { portToLookAt } from "./address.ts";
import type { Door } from "./door.ts";
import { type Answer, Look } from "./look.ts";
import { sendKnock } from "./send.ts";
import { type Claim, claimSlot } from "./slots.ts";

const SILENT: Answer = { kind: "silent" };

export type Outcome =
  /** `before`: it was open before the knock. */
  | {
      readonly kind: "open";
      readonly port: number;
      readonly scheme: "http" | "https";
      readonly ms: number;
      readonly before: boolean;
    }
  /** Silent before, and now it closes connections: something that is not the web, or nothing, listens. */
  | { readonly kind: "changed"; readonly port: number }
  /** It closed connections before and after. */
  | { readonly kind: "unclear"; readonly port: number }
  | { readonly kind: "silent"; readonly port: number }
  /** There is no port that a page may look at. */
  | { readonly kind: "sent" }
  | Extract<Claim, { kind: "clock" }>
  | { readonly kind: "offline" }
  /** Nothing was sent, since the browser could not remember it. */
  | { readonly kind: "forgetful" };

export type Progress =
  | { readonly kind: "looking" }
  | { readonly kind: "waiting"; readonly untilMs: number; readonly skipped: boolean }
  | { readonly kind: "sent"; readonly skipped: boolean };

type Taken = Extract<Claim, { kind: "taken" }>;

type NoSlot = Exclude<Claim, Taken>;

/** Waits for a slot as long as it takes, where it is `patient`. */
async function takeSlot(
  database: IDBDatabase,
  door: Door,
  tell: (progress: Progress) => void,
  patient: boolean,
): Promise<Taken | NoSlot> {
  for (;;) {
    const claim = await claimSlot(database, door, Date.now());
    if (claim.kind !== "wait" || !patient) return claim;
    tell({ ...claim, kind: "waiting" });
    await reached(claim.untilMs);
  }
}

/** By the clock of the device: a timer alone stands still while a phone sleeps. */
async function reached(ms: number): Promise<void> {
  while (Date.now() < ms) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(250, ms - Date.now())));
  }
}

function outcomeOf(port: number, before: Answer, after: Answer, ms: number): Outcome {
  if (after.kind === "answered") {
    const { scheme } = after;
    return { kind: "open", port, scheme, ms, before: before.kind === "answered" };
  }
  if (after.kind === "silent") return { kind: "silent", port };
  return { kind: before.kind === "silent" ? "changed" : "unclear", port };
}

interface Attempt {
  readonly database: IDBDatabase;
  readonly door: Door;
  readonly port: number | undefined;
  /** The answer before the first knock. */
  readonly before: Answer;
  readonly tell: (progress: Progress) => void;
}

/** Sends one knock and looks what it opened. `patient`: waits for a slot where there is none yet. */
async function attempt(
  { database, door, port, before, tell }: Attempt,
  look: Look | undefined,
  patient: boolean,
): Promise<Outcome | NoSlot> {
  let taken;
  try {
    taken = await takeSlot(database, door, tell, patient);
  } catch {
    return { kind: "forgetful" };
  }
  if (taken.kind !== "taken") return taken;
  sendKnock(door.host, taken.ports);
  const sentMs = performance.now();
  tell({ kind: "sent", skipped: taken.skipped });
  if (look === undefined || port === undefined) return { kind: "sent" };
  return outcomeOf(port, before, await look.after(before), performance.now() - sentMs);
}

/** Knocks at a door and returns what became of it. */
export async function knock(
  database: IDBDatabase,
  door: Door,
  tell: (progress: Progress) => void,
): Promise<Outcome> {
  if (!navigator.onLine) return { kind: "offline" };
  const port = portToLookAt(door);
  const lookThere = () => (port === undefined ? undefined : new Look(door.host, port));
  tell({ kind: "looking" });
  using look = lookThere();
  const before = (await look?.before()) ?? SILENT;
  const given = { database, door, port, before, tell };
  const first = (await attempt(given, look, true)) as Outcome; // a patient one waits for its slot
  if (first.kind !== "silent") return first;
  // A packet may have been lost; a second knock is worth no wait.
  look?.[Symbol.dispose]();
  using again = lookThere();
  const second = await attempt(given, again, false);
  return second.kind === "wait" || second.kind === "clock" ? first : second;
}
