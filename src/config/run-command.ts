/** The commands of a door: their placeholders, and the rules for them. */

import type { Mistake, Path } from "./mistake.ts";
import { shown } from "./mistake.ts";
import type { DoorTable } from "./door-keys.ts";

/** Words for facts of the grant, wherever a command has them in braces. */
export const PLACEHOLDERS = ["address", "family", "user", "device", "door"] as const;

export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Known only for a rotating knock: a fixed one proves no identity. */
const OF_A_KEY: ReadonlySet<string> = new Set(["user", "device"]);

/** One word in braces; other braces, such as those of JSON, are left alone. */
const BRACES = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * argv with its placeholders replaced; each argument stays one argument whatever the value holds.
 * `known` are the placeholders of this kind of command; default: those of a door's.
 */
export function fillPlaceholders<Name extends string = Placeholder>(
  argv: readonly string[],
  facts: Readonly<Partial<Record<Name, string>>>,
  known: readonly string[] = PLACEHOLDERS,
): string[] {
  return argv.map((argument) =>
    argument.replaceAll(BRACES, (written, name: string) =>
      known.includes(name) ? (facts[name as Name] ?? "") : written,
    ),
  );
}

interface Terms {
  readonly known: readonly string[];
  /** A fixed sequence opens the door. */
  readonly fixed?: boolean;
}

/** Checks one command: an absolute program, and only known placeholders. */
export function checkCommand(
  argv: readonly string[],
  path: Path,
  { known, fixed = false }: Terms,
  report: (mistake: Mistake) => void,
): void {
  const program = argv[0]!;
  if (!program.startsWith("/") || /[{}]/.test(program)) {
    report({
      path: [...path, 0],
      state: `is ${shown(program)}`,
      remedy: 'write the absolute path of a program such as "/usr/local/bin/lights"',
    });
    return;
  }
  for (const [i, argument] of argv.entries()) {
    for (const [, name = ""] of argument.matchAll(BRACES)) {
      if (known.includes(name)) continue;
      report({
        path: [...path, i],
        state:
          fixed && OF_A_KEY.has(name)
            ? `has {${name}}, which is unknown for a fixed sequence`
            : `is ${shown(argument)}, with a placeholder that does not exist`,
        remedy: `write one of ${known.map((word) => `{${word}}`).join(", ")}`,
      });
    }
  }
}

/** Checks a door's commands: absolute programs, known placeholders, something to run. */
export function checkRun(name: string, door: DoorTable, report: (mistake: Mistake) => void): void {
  const { run, sequence } = door;
  if (run === undefined) return;
  const path = ["door", name, "run"];
  if (run.open === undefined && run.close === undefined) {
    report({
      path,
      state: "has neither open nor close",
      remedy: 'write run = { open = ["/usr/local/bin/lights", "on", "{address}"] }',
    });
  }
  const fixed = sequence !== undefined;
  const known = PLACEHOLDERS.filter((placeholder) => !fixed || !OF_A_KEY.has(placeholder));
  if (run.open) checkCommand(run.open, [...path, "open"], { known, fixed }, report);
  if (run.close) checkCommand(run.close, [...path, "close"], { known, fixed }, report);
}
