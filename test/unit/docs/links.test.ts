/** Links between the documents lead somewhere, and every document is in the index. */

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DOCUMENTS, prose, README, ROOT } from "./documents.ts";

/** As code hosts name headings: lower case, blanks as hyphens, other marks left out. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test.each(DOCUMENTS.map((document) => [document.path, document] as const))(
  "%s links to files and headings that exist",
  (path, document) => {
    const broken = [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file = "", anchor] = target.split("#");
        const at = file === "" ? path : join(dirname(path), file);
        if (!existsSync(join(ROOT, at))) return true;
        const text = DOCUMENTS.find((other) => other.path === at)?.text;
        return anchor !== undefined && text !== undefined && !anchors(text).includes(anchor);
      });
    expect(broken).toEqual([]);
  },
);

test("docs/README.md lists every document", () => {
  const index = DOCUMENTS.find(({ path }) => path === "docs/README.md")!.text;
  const missing = DOCUMENTS.map(({ path }) => path.replace(/^docs\//, ""))
    .filter((name) => name !== "README.md")
    .filter((name) => !index.includes(`](${name})`));
  expect(missing).toEqual([]);
});

test("README.md names only scripts that exist, and a script for every row of its figures", () => {
  const named = [...README.matchAll(/scripts\/[a-z][a-z.-]*[a-z]/g)].map(([script]) => script);
  expect(named.length).toBeGreaterThan(10);
  expect([...new Set(named)].filter((script) => !existsSync(join(ROOT, script)))).toEqual([]);

  const figures = README.slice(README.indexOf("\n## Figures"), README.indexOf("\n## Limits"));
  const rows = figures
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| |"));
  expect(rows.length).toBeGreaterThan(3);
  let script = "";
  for (const row of rows) {
    const cell = row.split("|").at(-2)!.trim();
    script = cell === "same" ? script : (/`(scripts\/[^`]+)`/.exec(cell)?.[1] ?? "");
    expect([row, script]).toEqual([row, expect.stringMatching(/^scripts\/bench-/)]);
  }
});

test("README.md shows the chart of the bench", () => {
  expect(README).toContain("](docs/bench.svg)");
});

test("README.md shows the picture of the demo, which is one of a demo that went well", async () => {
  expect(README).toContain("](docs/demo.svg)");
  const picture = await Bun.file(join(ROOT, "docs/demo.svg")).text();
  expect(picture.match(/✓/g)).toHaveLength(4);
  expect(picture).not.toContain("✗");
});
