/** The options of commands that write systemd units, and the report of their outcome. */

import { resolve } from "node:path";
import { Option } from "@commander-js/extra-typings";
import { SERVICE_CONFIG } from "../config/find.ts";
import { shellCommand } from "../core/shell-command.ts";
import type { WrittenFile } from "../service/own-files.ts";
import { print } from "./output.ts";

export const DAEMON_RELOAD: readonly string[] = ["systemctl", "daemon-reload"];

export const unitConfigOption = () =>
  new Option("--config <file>", "configuration that the unit names").default(SERVICE_CONFIG);

export const executableOption = () =>
  new Option("--executable <path>", "executable that the unit starts").default(
    process.execPath,
    "this one",
  );

export const rootOption = () =>
  new Option("--root <dir>", "put files under this folder, as packages do");

export const printOption = () => new Option("--print", "print the files, and write nothing");

/** "" for this machine. */
export function rootOf(named: string | undefined): string {
  return named === undefined ? "" : resolve(named).replace(/^\/$/, "");
}

/** Prints the files that would be written, each under its path. */
export function printFiles(files: readonly WrittenFile[], root: string): void {
  for (const { path, text } of files) print(`# ${root}${path}\n${text}`);
}

/** Names the files that a package brought, so that they need not be written. */
export function printBrought(paths: readonly string[]): void {
  for (const path of paths) print(`Left as the package brought it: ${path}`);
}

/** Says what was done, and the commands (each an argv) that make it take effect on this machine. */
export function printDone(
  done: "Wrote" | "Removed",
  paths: readonly string[],
  next: readonly (readonly string[])[],
  root: string,
): void {
  for (const path of paths) print(`${done} ${path}`);
  if (root !== "" || next.length === 0) return;
  print("Next:");
  for (const command of next) print(`  ${shellCommand(command)}`);
}
