/** Everything that the page says, by the job it has there. */

import type { Scheme } from "./address.ts";

export type LanguageCode = "en" | "de";

/** Why a link is not kept. */
export type Refusal = "noLink" | "broken" | "udp" | "linkLocal";

/** Texts that never change, by the name that an element of page.html gives in `data-text`. */
export interface Labels {
  readonly addTitle: string;
  readonly addHint: string;
  readonly link: string;
  readonly add: string;
  readonly scan: string;
  readonly stopScan: string;
  readonly scanHint: string;
  readonly cancel: string;
  readonly addAnother: string;
  readonly doors: string;
  readonly settings: string;
  readonly launch: string;
  readonly remove: string;
  readonly keep: string;
  readonly forget: string;
  readonly promise: string;
  readonly language: string;
  readonly history: string;
}

export interface Told {
  readonly title: string;
  readonly text: string;
  /** Reasons that may be, the likeliest first. */
  readonly hints?: readonly string[];
}

export interface Texts {
  readonly labels: Labels;
  readonly knock: string;
  readonly again: string;
  readonly looking: string;
  readonly knocking: string;
  readonly waiting: (seconds: number) => string;
  readonly slotLeft: (seconds: number) => string;
  readonly waitReason: (skipped: boolean) => string;
  readonly skipped: string;
  readonly opens: (ports: string) => string;
  readonly added: (door: string, host: string) => string;
  readonly removed: (door: string, host: string) => string;
  readonly removeQuestion: (door: string, host: string) => string;
  readonly go: (scheme: Scheme, place: string) => string;
  readonly refusals: Readonly<Record<Refusal, string>>;
  readonly noKeys: string;
  readonly noStore: string;
  readonly noCamera: string;
  readonly open: (host: string, port: number, ms: number) => Told;
  readonly openBefore: (host: string, port: number) => Told;
  readonly changed: (port: number, network: boolean) => Told;
  readonly unclear: (port: number, network: boolean) => Told;
  /** `looks`: ports that the door opens, and that no page may look at. */
  readonly sent: (looks: string) => Told;
  readonly silent: (port: number, facts: SilentFacts) => Told;
  readonly clock: (ahead: string, now: string) => Told;
  readonly offline: Told;
  readonly forgetful: Told;
  readonly duration: (seconds: number) => string;
}

export interface SilentFacts {
  /** The time of this device, as its owner reads it. */
  readonly now: string;
  readonly stepSeconds: number;
  readonly range: string;
  /** The browser may keep the page from this host. */
  readonly network: boolean;
}
