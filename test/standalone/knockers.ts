/** The clients that are one file: how a test starts each, with folders of its own. */

import { resolve } from "node:path";

const FOLDER = resolve(import.meta.dir, "../../src/standalone");

export interface Knocker {
  /** As a test's name says it. */
  readonly name: string;
  /** What it calls itself in its messages. */
  readonly self: string;
  /** Its words before the arguments, behind `env` and its assignments. */
  readonly argv: readonly string[];
}

export function fileOf(name: string): string {
  return `${FOLDER}/${name}`;
}

const PYTHON: Knocker = {
  name: "sallyport_knock.py",
  self: "sallyport_knock.py",
  argv: ["python3", "-B", fileOf("sallyport_knock.py")],
};

export const KNOCKERS: readonly Knocker[] = [PYTHON];

/** The words of a knock whose files are all below `home`. */
export function knockWords(knocker: Knocker, home: string, ...argv: string[]): string[] {
  return [
    "env",
    `XDG_CONFIG_HOME=${home}/config`,
    `XDG_STATE_HOME=${home}/state`,
    ...knocker.argv,
    ...argv,
  ];
}
