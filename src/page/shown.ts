/** The state of the page that is on the screen. */

import { draw } from "./draw.ts";
import { find } from "./elements.ts";
import { languageOf, LANGUAGES } from "./languages.ts";
import type { State } from "./state.ts";
import type { Texts } from "./texts.ts";

let state: State = {
  ready: false,
  language: languageOf(navigator.languages),
  doors: [],
  adding: false,
  scanning: false,
  canScan: false,
  fromAddress: false,
  skipped: false,
  network: false,
};

export function shown(): State {
  return state;
}

/** Changes it, and draws it. */
export function show(changed: Partial<State>): void {
  state = { ...state, ...changed };
  draw(state, new Date());
}

/** For screen readers: what happened, where nothing else says it. */
export function announce(text: (texts: Texts) => string): void {
  find("said").textContent = text(LANGUAGES[state.language]);
}
