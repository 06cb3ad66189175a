/**
 * Makes the page one file: script, style and icon within it, and a policy that lets nothing else run.
 * A macro: it runs while the page's importer is compiled. Of one tree the file is always the same.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

function bundle(file: string): string {
  // Macros run within the bundler, which cannot be entered twice: a process of its own.
  const made = Bun.spawnSync(
    [process.execPath, "build", join(import.meta.dir, file), "--target=browser", "--minify"],
    { stderr: "pipe" },
  );
  if (!made.success) throw new Error(`Cannot build ${file}: ${made.stderr.toString()}`);
  return made.stdout.toString().trim();
}

function read(file: string): string {
  return readFileSync(join(import.meta.dir, file), "utf8").trim();
}

function hash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** Scripts and styles by their hash; connections to everywhere, which is what a knock is. */
function policyOf(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "img-src data:",
    "manifest-src data:",
    "connect-src http: https:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** The whole page, as HTML. */
export function assemblePage(): string {
  const script = bundle("main.ts");
  const style = bundle("style.css");
  const icon = `data:image/svg+xml,${encodeURIComponent(read("icon.svg"))}`;
  // Functions, since a script may hold what `replace` takes for a pattern.
  return read("page.html")
    .replace("{{policy}}", () => policyOf(script, style))
    .replace("{{icon}}", () => icon)
    .replace("<style></style>", () => `<style>${style}</style>`)
    .replace(/(<script[^>]*>)(?=<\/script>)/, (open) => `${open}${script}`);
}
