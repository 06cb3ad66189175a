/** Every configuration in the documents loads. */

import { expect, test } from "bun:test";
import { parseSettings } from "../../../src/config/load.ts";
import { CODE_BLOCKS, README } from "./documents.ts";

const configurations = CODE_BLOCKS.filter(
  ({ language, text }) => language === "toml" && /^\[door\./m.test(text),
);

test("README.md shows a whole configuration", () => {
  expect(configurations.some(({ document }) => document === "README.md")).toBe(true);
  expect(README).toContain('opens = ["22/tcp"]');
});

test.each(configurations.map(({ document, text }, i) => [`${document}, ${i + 1}`, text] as const))(
  "parseSettings() reads the configuration in %s",
  (name, text) => {
    expect(parseSettings(text, name).doors.length).toBeGreaterThan(0);
  },
);
