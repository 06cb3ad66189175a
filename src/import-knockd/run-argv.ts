/**
 * The command of a door in place of knockd's shell: a program and its arguments, or a shell where
 * one is needed.
 */

import type { Piece } from "./analyse.ts";
import { KNOCKER } from "./effect.ts";
import { programName } from "./effects-of.ts";
import { different, not, type Remark } from "./verdicts.ts";

/** Finds a program of this machine by its name; undefined where there is none. */
export type FindProgram = (name: string) => string | undefined;

export interface Run {
  readonly argv: readonly string[];
  readonly remarks: readonly Remark[];
}

/** Text that sallyport would take for a placeholder of its own. */
const BRACES = /\{[A-Za-z_]\w*\}/;
const SUDO = /^(?:\S*\/)?(?:sudo|doas)(?:\s+-[nEHS]+)*\s+(?!-)/;
/** Longest time a command may take. */
const MOST_SECONDS = 30;

/**
 * The shell text of pieces, in their order; `${NAME}` becomes `${NAME:-}`, since braces are
 * placeholders here.
 */
function shellText(pieces: readonly Piece[]): string {
  const settings = pieces.at(-1)?.command.settings ?? "";
  const text = pieces
    .map(({ command: { text: own, joint }, user }) => {
      const alone = user === undefined ? own.replace(SUDO, "") : own;
      return joint === undefined
        ? alone
        : `${joint === ";" || joint === "&" ? joint : ` ${joint}`} ${alone}`;
    })
    .join("");
  return `${settings}${text}`.replaceAll(/\$\{([A-Za-z_]\w*)\}/g, "${$1:-}");
}

function tooLong(text: string): Remark[] {
  const seconds = [...text.matchAll(/\bsleep\s+(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  if (seconds < MOST_SECONDS) return [];
  return [
    different(
      `it takes more than the ${MOST_SECONDS} seconds after which sallyport ends a command`,
    ),
  ];
}

function conflict(text: string): Remark[] {
  const [word] = BRACES.exec(text) ?? [];
  if (word === undefined) return [];
  return [not(`${word} in it would be a placeholder: put the command into a script, and run that`)];
}

/** The words of the pieces' single program; undefined where a shell is needed. */
function plainWords(pieces: readonly Piece[]): readonly string[] | undefined {
  const [only, ...more] = pieces;
  if (only === undefined || more.length > 0) return undefined;
  if (!only.command.plain || only.command.redirected) return undefined;
  const [program = ""] = only.command.words;
  // A program keeps its name: absolute, or found here, without a placeholder.
  if (/[{}]/.test(program) || program.includes(KNOCKER)) return undefined;
  return program.includes("/") && !program.startsWith("/") ? undefined : only.command.words;
}

const fill = (text: string) => text.replaceAll(KNOCKER, "{address}");

/** The command that runs these pieces for every knocker; undefined without pieces. */
export function runOf(pieces: readonly Piece[], find: FindProgram): Run | undefined {
  if (pieces.length === 0) return undefined;
  const words = plainWords(pieces);
  if (words === undefined) return shellRun(shellText(pieces));
  const [program = "", ...args] = words;
  const found = program.startsWith("/") ? program : find(program);
  const argv = found === undefined ? ["/usr/bin/env", program, ...args] : [found, ...args];
  const remarks = conflict(words.join(" "));
  if (found === undefined) {
    remarks.push(
      different(`${programName(program)} is not on this machine: write its absolute path`),
    );
  }
  return { argv: argv.map(fill), remarks };
}

function shellRun(text: string): Run {
  return {
    argv: ["/bin/sh", "-c", fill(text)],
    remarks: [
      different(
        "it needs a shell, which sallyport starts only where it is written (/bin/sh -c): a script of its own is easier to test",
      ),
      ...tooLong(text),
      ...conflict(text),
    ],
  };
}

/** A command that runs other pieces for an IPv6 knocker than for an IPv4 one. */
export function runByFamily(
  pieces4: readonly Piece[],
  pieces6: readonly Piece[],
  find: FindProgram,
): Run | undefined {
  const run4 = runOf(pieces4, find);
  const run6 = runOf(pieces6, find);
  if (JSON.stringify(run4?.argv) === JSON.stringify(run6?.argv)) return run4;
  const branches = [
    ...(run4 ? [`4) ${shellText(pieces4)} ;;`] : []),
    ...(run6 ? [`6) ${shellText(pieces6)} ;;`] : []),
  ];
  // `{family}` is ours; no word of knockd's could be in its place.
  const run = shellRun(branches.join(" "));
  const [shell = "", flag = "", text = ""] = run.argv;
  return { argv: [shell, flag, `case {family} in ${text} esac`], remarks: run.remarks };
}
