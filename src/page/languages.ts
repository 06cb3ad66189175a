/** The language of the page: the browser's, unless its reader has chosen another. */

import { ENGLISH } from "./english.ts";
import { GERMAN } from "./german.ts";
import type { LanguageCode, Texts } from "./texts.ts";

export const LANGUAGES: Readonly<Record<LanguageCode, Texts>> = { en: ENGLISH, de: GERMAN };

export const LANGUAGE_CODES = ["en", "de"] as const satisfies readonly LanguageCode[];

export function isLanguage(value: unknown): value is LanguageCode {
  return typeof value === "string" && value in LANGUAGES;
}

/** The first of the reader's languages that the page speaks; English where it speaks none. */
export function languageOf(wanted: readonly string[]): LanguageCode {
  return wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}
