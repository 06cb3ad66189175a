/** The page as one file: what is in it, what may run in it, and whether everybody can read it. */

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { assemblePage } from "../../../src/page/assemble.ts";
import { LANGUAGES, languageOf } from "../../../src/page/languages.ts";

const SRC = join(import.meta.dir, "../../../src/page");
const PAGE = assemblePage();

function inner(tag: string): string {
  return new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`).exec(PAGE)![1]!;
}

test("the page is the same every time, and small enough to send to somebody", () => {
  expect(assemblePage()).toBe(PAGE);
  expect(PAGE.length).toBeLessThan(80_000);
  expect(PAGE).not.toContain(resolve(SRC, "../..")); // nor does it tell where it was made
});

test("the page runs and draws only what is in it, and calls nothing but hosts", () => {
  const policy = /Content-Security-Policy"\s+content="([^"]+)"/.exec(PAGE)![1]!;
  for (const tag of ["script", "style"]) {
    const hash = createHash("sha256").update(inner(tag)).digest("base64");
    expect(policy).toContain(`${tag}-src 'sha256-${hash}'`);
  }
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  const markup = PAGE.replace(inner("script"), "").replace(inner("style"), "");
  expect(markup).not.toMatch(/\son\w+=|\sstyle=|javascript:|<iframe|(?:src|href)="(?!data:)[^"]/);
});

test("every text of page.html is there, and every place where one is written", () => {
  const html = readFileSync(join(SRC, "page.html"), "utf8");
  const wanted = [...html.matchAll(/data-(?:text|label)="(\w+)"/g)].map(([, name]) => name!);
  for (const { labels } of Object.values(LANGUAGES)) {
    expect(new Set(wanted)).toEqual(new Set(Object.keys(labels)));
  }
  const scripts = ["main.ts", "draw.ts", "adding.ts", "knocking.ts", "shown.ts"].map((name) =>
    readFileSync(join(SRC, name), "utf8"),
  );
  const ids = [...scripts.join("").matchAll(/(?:find|say|list|on)\("([\w-]+)"/g)];
  expect(ids.map(([, id]) => id!).filter((id) => !html.includes(`id="${id}"`))).toEqual([]);
});

test.each([
  [["de-AT", "en"], "de"],
  [["fr-FR", "de"], "de"],
  [["fr-FR"], "en"],
  [[], "en"],
] as const)("languageOf(%p) is %s", (wanted, language) => {
  expect(languageOf(wanted)).toBe(language);
});

/** WCAG 2.1, "relative luminance". */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test("every text can be told from its ground, by day and by night", () => {
  const css = readFileSync(join(SRC, "style.css"), "utf8");
  const schemes = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) =>
    Object.fromEntries(
      [...block!.matchAll(/--([\w-]+): (#\w{6})/g)].map(([, name, hex]) => [name!, hex!]),
    ),
  );
  expect(schemes).toHaveLength(2);
  const pairs = ["ink", "soft", "problem", "accent"].flatMap((text) => [
    [text, "ground"],
    [text, "raised"],
  ]);
  const ratios = schemes.flatMap((colors) =>
    [...pairs, ["on-accent", "accent"]].map(([text = "", ground = ""]) => {
      const [light, dark] = [luminance(colors[text]!), luminance(colors[ground]!)].sort(
        (x, y) => y - x,
      );
      return { text, ground, ratio: (light! + 0.05) / (dark! + 0.05) };
    }),
  );
  expect(ratios.filter(({ ratio }) => !(ratio >= 4.5))).toEqual([]);
});
