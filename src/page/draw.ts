/** Draws a state into page.html. */

import { slotAt, slotStartMs } from "../rks/slot.ts";
import { destinationOf } from "./address.ts";
import type { Door } from "./door.ts";
import { find, findA, list, say } from "./elements.ts";
import type { Outcome } from "./knock.ts";
import { LANGUAGE_CODES, LANGUAGES } from "./languages.ts";
import { chosenDoor, type State } from "./state.ts";
import type { Labels, Texts } from "./texts.ts";
import { portsOpened, tellOutcome } from "./told.ts";

/** Where a door leads after a knock with this outcome; undefined where it did not open, as far as one sees. */
export function destinationAfter(door: Door, outcome: Outcome) {
  if (outcome.kind === "open") return destinationOf(door, outcome.scheme);
  const maybe = ["sent", "changed", "unclear"].includes(outcome.kind);
  return maybe ? destinationOf(door, undefined) : undefined;
}

function drawLabels(language: State["language"], labels: Labels): void {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
    element.textContent = labels[element.dataset["text"] as keyof Labels];
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-label]")) {
    element.ariaLabel = labels[element.dataset["label"] as keyof Labels];
  }
  for (const id of LANGUAGE_CODES) find(id).ariaPressed = String(id === language);
}

function drawChoice({ doors }: State, shown: Door | undefined): void {
  const choice = find("choice");
  choice.hidden = doors.length < 2;
  const rows = doors.map((door) => {
    const row = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "door", value: door.id, checked: door === shown });
    const host = document.createElement("small");
    host.textContent = door.host;
    const words = document.createElement("span");
    words.append(door.door, host);
    row.append(input, words);
    return row;
  });
  choice.replaceChildren(choice.firstElementChild!, ...rows);
}

function buttonText({ progress, outcome }: State, texts: Texts, nowMs: number): string {
  if (progress === undefined) return outcome === undefined ? texts.knock : texts.again;
  if (progress.kind === "looking") return texts.looking;
  if (progress.kind === "sent") return texts.knocking;
  return texts.waiting(Math.max(1, Math.ceil((progress.untilMs - nowMs) / 1_000)));
}

/** What changes with time: the ring, and the seconds left. */
export function drawTime(state: State, nowMs: number): void {
  const door = chosenDoor(state);
  if (door === undefined) return;
  const texts = LANGUAGES[state.language];
  const endMs = slotStartMs(slotAt(nowMs, door.stepSeconds) + 1, door.stepSeconds);
  const part = (endMs - nowMs) / (door.stepSeconds * 1_000);
  findA(SVGElement, "left").setAttribute("stroke-dashoffset", `${100 * (1 - part)}`);
  say("slot", texts.slotLeft(Math.ceil((endMs - nowMs) / 1_000)));
  say("knock-text", buttonText(state, texts, nowMs));
}

function drawOutcome(state: State, door: Door, texts: Texts, now: Date): void {
  const { outcome, progress, language, network } = state;
  const told = outcome && tellOutcome(outcome, door, texts, { now, language, network });
  const waiting = progress?.kind === "waiting" ? texts.waitReason(progress.skipped) : undefined;
  say("outcome-title", told?.title);
  say("outcome-text", told?.text ?? waiting);
  list("hints", told?.hints ?? []);
  say("skipped", state.skipped && told !== undefined ? texts.skipped : undefined);

  const destination = outcome && destinationAfter(door, outcome);
  const place = destination?.url.replace(/^\w+:\/\//, "").replace(/\/$/, "");
  say("go", destination && texts.go(destination.scheme, place!));
  if (destination !== undefined) findA(HTMLAnchorElement, "go").href = destination.url;
  find("forget").hidden = outcome?.kind !== "clock";
}

function drawKnock(state: State, door: Door, texts: Texts, now: Date): void {
  const { progress, outcome } = state;
  // The list says it already, where there is one.
  find("name").classList.toggle("unseen", state.doors.length > 1);
  say("door", door.door);
  say("host", door.host);
  say("opens", door.opens.length === 0 ? undefined : texts.opens(portsOpened(door)));
  findA(HTMLInputElement, "launch").checked = door.launch;
  const button = find("knock");
  button.ariaDisabled = String(progress !== undefined);
  // One knock at a time, and its outcome belongs to the door that is shown.
  const busy = progress !== undefined;
  findA(HTMLFieldSetElement, "choice").disabled = busy;
  for (const id of ["remove", "add-another"]) findA(HTMLButtonElement, id).disabled = busy;
  button.classList.toggle("busy", progress !== undefined && progress.kind !== "waiting");
  // One thing is filled at a time: where there is somewhere to go, that is it.
  const arrived = outcome !== undefined && destinationAfter(door, outcome) !== undefined;
  button.classList.toggle("done", arrived && progress === undefined);
  drawOutcome(state, door, texts, now);
}

function drawForm(state: State, texts: Texts): void {
  const { refusal, scanning, doors } = state;
  const input = findA(HTMLInputElement, "link");
  const said =
    refusal === undefined ? "" : refusal === "noCamera" ? texts.noCamera : texts.refusals[refusal];
  if (find("refusal").textContent !== said) find("refusal").textContent = said;
  input.ariaInvalid = String(refusal !== undefined && refusal !== "noCamera");
  find("scan").hidden = !state.canScan || scanning;
  find("cancel").hidden = doors.length === 0;
  find("camera").hidden = !scanning;
}

export function draw(state: State, now: Date): void {
  const texts = LANGUAGES[state.language];
  const door = chosenDoor(state);
  const form = door === undefined || state.adding;
  drawLabels(state.language, texts.labels);
  say("problem", state.broken && texts[state.broken]);
  find("adding").hidden = !state.ready || !form;
  find("knocking").hidden = !state.ready || form;
  find("history").hidden = !state.fromAddress;
  drawForm(state, texts);
  if (door === undefined) return;
  drawChoice(state, door);
  drawKnock(state, door, texts, now);
  drawTime(state, now.getTime());
}
