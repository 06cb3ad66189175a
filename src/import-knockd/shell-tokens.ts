/**
 * Cuts a command line of a POSIX shell into words and the operators between commands; runs and
 * expands nothing.
 */

export type Joint = "&&" | "||" | ";" | "&" | "|";

/** A stretch of a word. */
export interface Part {
  readonly kind: "text" | "variable" | "shell";
  /** The text without quotes; the name of the variable; or text that only a shell can interpret. */
  readonly text: string;
  readonly quoted: boolean;
}

export type Token =
  | {
      readonly kind: "word";
      readonly parts: readonly Part[];
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: "joint"; readonly joint: Joint; readonly start: number; readonly end: number }
  /** Output that goes to a file. */
  | { readonly kind: "output"; readonly start: number; readonly end: number };

/** Redirections that only silence a command. */
const SILENCE = /^(?:[012]?[<>]>?\s*\/dev\/null|&>>?\s*\/dev\/null|[12]?>&[12])(?=[\s;&|]|$)/;
const OUTPUT = /^(?:[12]?>>?|&>>?)\s*(?=[^\s;&|<>()])/;
/** A program by its name, looked up on PATH. */
const WHICH = /^(?:\$\(|`)\s*(?:which|command -v|type -p)\s+([\w./-]+)\s*[)`]$/;
const VARIABLE = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/;
const JOINT = /^(?:&&|\|\||[;&|\n])/;
/** Patterns, home folders, other redirections: a shell interprets them. */
const SPECIAL = /[*?[~<>]/;

/** The end of the `$(…)` or `` `…` `` that begins at `at`; −1 where it never ends. */
function endOfSubstitution(line: string, at: number): number {
  if (line[at] === "`") return line.indexOf("`", at + 1) + 1 || -1;
  let depth = 0;
  for (let i = at + 1; i < line.length; i++) {
    const char = line[i]!;
    if (char === "\\") i++;
    else if (char === "'") i = line.indexOf("'", i + 1);
    else if (char === "(") depth++;
    else if (char === ")" && --depth === 0) return i + 1;
    if (i < 0) return -1;
  }
  return -1;
}

/** Reads an expression that begins with `$` or a backtick; undefined where it never ends. */
function readExpansion(
  line: string,
  at: number,
  quoted: boolean,
): { part: Part; end: number } | undefined {
  const [whole, bare, braced] = VARIABLE.exec(line.slice(at)) ?? [];
  const name = bare ?? braced;
  if (whole !== undefined && name !== undefined) {
    return { part: { kind: "variable", text: name, quoted }, end: at + whole.length };
  }
  const opens = line[at] === "`" || line[at + 1] === "(";
  const end = opens ? endOfSubstitution(line, at) : at + 1;
  if (end < 0) return undefined;
  const text = line.slice(at, end);
  const [, program] = WHICH.exec(text) ?? [];
  if (program !== undefined) return { part: { kind: "text", text: program, quoted: true }, end };
  return { part: { kind: "shell", text, quoted }, end };
}

/** Reads the inside of double quotes, up to their end. */
function readDoubleQuoted(line: string, from: number): { parts: Part[]; end: number } | undefined {
  const parts: Part[] = [{ kind: "text", text: "", quoted: true }];
  let at = from;
  while (line[at] !== '"') {
    const char = line[at];
    if (char === undefined) return undefined;
    if (char === "$" || char === "`") {
      const read = readExpansion(line, at, true);
      if (read === undefined) return undefined;
      parts.push(read.part);
      at = read.end;
      continue;
    }
    if (char === "\\" && /["\\$`]/.test(line[at + 1] ?? "")) at++;
    parts.push({ kind: "text", text: line[at]!, quoted: true });
    at++;
  }
  return { parts, end: at + 1 };
}

/**
 * Reads one word; undefined where a quote stays open, or where brackets make it more than a word.
 */
function readWord(line: string, from: number): { parts: Part[]; end: number } | undefined {
  const parts: Part[] = [];
  let at = from;
  while (at < line.length && !/[\s;&|]/.test(line[at]!)) {
    const char = line[at]!;
    if (at > from && char === ">") break;
    if (at > from && char === "<" && SILENCE.test(line.slice(at))) break;
    if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return undefined;
      parts.push({ kind: "text", text: line.slice(at + 1, end), quoted: true });
      at = end + 1;
    } else if (char === '"') {
      const read = readDoubleQuoted(line, at + 1);
      if (read === undefined) return undefined;
      parts.push(...read.parts);
      at = read.end;
    } else if (char === "$" || char === "`") {
      const read = readExpansion(line, at, false);
      if (read === undefined) return undefined;
      parts.push(read.part);
      at = read.end;
    } else if (char === "\\") {
      if (at + 1 >= line.length) return undefined;
      parts.push({ kind: "text", text: line[at + 1]!, quoted: true });
      at += 2;
    } else if (/[()]/.test(char)) {
      return undefined;
    } else {
      parts.push({ kind: SPECIAL.test(char) ? "shell" : "text", text: char, quoted: false });
      at++;
    }
  }
  return { parts, end: at };
}

/**
 * The tokens of a line, with a ";" at its end, before a comment; undefined where only a real shell
 * can read it.
 */
export function shellTokens(line: string): Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  while (at < line.length) {
    const rest = line.slice(at);
    const [skipped] = /^[^\S\n]+/.exec(rest) ?? SILENCE.exec(rest) ?? [];
    const [joined] = JOINT.exec(rest) ?? [];
    if (skipped !== undefined) at += skipped.length;
    else if (rest.startsWith("#")) break;
    else if (joined !== undefined) {
      const joint = joined === "\n" ? ";" : (joined as Joint);
      tokens.push({ kind: "joint", joint, start: at, end: at + joined.length });
      at += joined.length;
    } else {
      const [output] = OUTPUT.exec(rest) ?? [];
      const word = readWord(line, at + (output?.length ?? 0));
      if (word === undefined) return undefined;
      if (output !== undefined) {
        tokens.push({ kind: "output", start: at, end: word.end });
        at = word.end;
        continue;
      }
      tokens.push({ kind: "word", parts: word.parts, start: at, end: word.end });
      at = word.end;
    }
  }
  tokens.push({ kind: "joint", joint: ";", start: at, end: at });
  return tokens;
}
