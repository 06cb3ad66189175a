/** A mistake in config.toml: its place, the present text, and the remedy. */

import { looksSecret } from "./names.ts";

/** Keys and list positions from the top of the file to a value. */
export type Path = readonly (string | number)[];

/** One mistake; reads "PATH STATE: REMEDY". */
export interface Mistake {
  readonly path: Path;
  /** A clause about the value: `is "30"`, `is missing`, `is not a key of a door`. */
  readonly state: string;
  /** A clause that says what to do: `write a duration such as "30s"`. */
  readonly remedy: string;
  /** The key is unknown to this sallyport, and the rest can be read without it. */
  readonly unknown?: true;
}

const MOST_SHOWN = 60;

/** Quotes text for a terminal: nothing in it can move a cursor, reverse the line, or be a key. */
export function quote(text: string): string {
  if (looksSecret(text)) return "a value that may be a secret";
  const short = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return JSON.stringify(short).replaceAll(
    // C1 controls, line separators and the marks that turn the direction of text.
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A value in the form that messages show. */
export function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return "a table";
}

/** `door.ssh.opens[1]`, in TOML's way of writing. */
export function formatPath(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === "number") return `[${step}]`;
      const dot = i === 0 ? "" : ".";
      if (looksSecret(step)) return `${dot}<hidden>`;
      return dot + (/^[A-Za-z0-9_-]+$/.test(step) ? step : quote(step));
    })
    .join("");
}
