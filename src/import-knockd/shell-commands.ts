/**
 * The commands of a shell's command line: their words, with the variables that the line itself
 * sets.
 */

import { type Joint, type Part, shellTokens, type Token } from "./shell-tokens.ts";

export interface ShellCommand {
  readonly words: readonly string[];
  /** The original text. */
  readonly text: string;
  /** The operator before it; undefined at the beginning. */
  readonly joint: Exclude<Joint, "|"> | undefined;
  /**
   * `words` are those that a shell would start; otherwise only the shell knows (a pipe, a pattern,
   * a variable from elsewhere).
   */
  readonly plain: boolean;
  /** Its output goes to a file. */
  readonly redirected: boolean;
  /** Assignments before it on the line, in the original text. */
  readonly settings: string;
  /** Variables that nobody sets, with names that tell their meaning. */
  readonly guessed: readonly string[];
}

/** Words that begin more than a simple command. */
const COMPOUND = new Set(
  "if then elif else fi for while until do done case esac { } ! function [[".split(" "),
);
/** Commands of the shell itself. */
const BUILTINS = new Set("cd read eval source . set unset trap ulimit umask wait".split(" "));

/** Names that scripts use for the programs of a firewall. */
const USUAL: Readonly<Record<string, string>> = {
  IPT: "iptables",
  IPT4: "iptables",
  IPTABLES: "iptables",
  IPT6: "ip6tables",
  IP6T: "ip6tables",
  IP6TABLES: "ip6tables",
  NFT: "nft",
  UFW: "ufw",
  FWCMD: "firewall-cmd",
};

const ASSIGNMENT = /^([A-Za-z_]\w*)=([^]*)$/;

type Simple = Pick<ShellCommand, "words" | "plain" | "guessed">;
type WordToken = Token & { readonly kind: "word" };

interface Expanded {
  readonly words: string[];
  readonly plain: boolean;
  readonly guessed: string[];
}

/**
 * A word as the shell would pass it: it splits unquoted variables at blanks, and an empty one
 * leaves nothing.
 */
function expandWord(parts: readonly Part[], variables: ReadonlyMap<string, string>): Expanded {
  const words: string[] = [];
  const guessed: string[] = [];
  let plain = true;
  let word: string | undefined;
  for (const { kind, text, quoted } of parts) {
    if (kind !== "variable") {
      plain &&= kind === "text";
      word = (word ?? "") + text;
      continue;
    }
    const usual = variables.has(text) ? undefined : USUAL[text];
    if (usual !== undefined) guessed.push(text);
    const value = variables.get(text) ?? usual;
    if (value === undefined) plain = false;
    const [first = "", ...more] = quoted
      ? [value ?? `$${text}`]
      : (value ?? `$${text}`).split(/\s+/);
    if (first !== "" || quoted) word = (word ?? "") + first;
    for (const next of more) {
      if (word !== undefined) words.push(word);
      word = next === "" ? undefined : next;
    }
  }
  if (word !== undefined) words.push(word);
  return { words, plain, guessed };
}

/** The name and value of an assignment at the beginning of a command; undefined for other words. */
function assignmentOf({ parts }: WordToken, variables: ReadonlyMap<string, string>) {
  const name = parts
    .map(({ kind, text, quoted }) => (kind === "text" && !quoted ? text : "\0"))
    .join("");
  const [, key] = /^([A-Za-z_]\w*)=/.exec(name) ?? [];
  if (key === undefined) return undefined;
  const quoted = parts.map((part) => ({ ...part, quoted: true }));
  const { words, plain } = expandWord(quoted, variables);
  return { key, value: ASSIGNMENT.exec(words[0]!)![2]!, plain };
}

/**
 * One command from its tokens; "set" where it only sets variables; undefined where it is more than
 * simple.
 */
function readCommand(
  line: string,
  tokens: readonly WordToken[],
  variables: Map<string, string>,
): Simple | "set" | undefined {
  const rest = [...tokens];
  const sets = new Map<string, string>();
  let plain = true;
  const isExport = rest.length > 1 && line.slice(rest[0]!.start, rest[0]!.end) === "export";
  if (isExport) rest.shift();
  for (let token = rest[0]; token !== undefined; token = rest[0]) {
    const set = assignmentOf(token, variables);
    if (set === undefined) break;
    rest.shift();
    if (set.plain) sets.set(set.key, set.value);
    else variables.delete(set.key);
  }
  if (rest.length === 0) {
    for (const [key, value] of sets) variables.set(key, value);
    return "set";
  }
  // `A=b program`: only a shell knows its use of A.
  if (rest.length < tokens.length) plain = false;
  const written = line.slice(rest[0]!.start, rest[0]!.end);
  if (COMPOUND.has(written)) return undefined;
  if (BUILTINS.has(written)) plain = false;
  const words: string[] = [];
  const guessed: string[] = [];
  for (const { parts } of rest) {
    const expanded = expandWord(parts, variables);
    plain &&= expanded.plain;
    words.push(...expanded.words);
    guessed.push(...expanded.guessed);
  }
  if (words.length === 0) return "set";
  return { words, plain, guessed };
}

/** The commands between two pipes each, as one; undefined where one is more than simple. */
function readPipeline(
  line: string,
  stages: readonly (readonly WordToken[])[],
  variables: Map<string, string>,
): Simple | "set" | undefined {
  if (stages.length === 1) return readCommand(line, stages[0]!, variables);
  const read = stages.map((tokens) =>
    tokens.length === 0 ? undefined : readCommand(line, tokens, new Map(variables)),
  );
  const first = read[0];
  if (first === undefined || first === "set" || read.includes(undefined)) return undefined;
  return { ...first, plain: false };
}

/**
 * The commands of a line; undefined where they are more than a chain of simple ones (conditions,
 * loops, brackets) or where a quote stays open. A pipeline is one command, and never plain.
 */
export function parseShell(line: string): ShellCommand[] | undefined {
  const tokens = shellTokens(line);
  if (tokens === undefined) return undefined;
  const variables = new Map<string, string>();
  const commands: ShellCommand[] = [];
  let settings = "";
  let joint: ShellCommand["joint"];
  let stages: WordToken[][] = [[]];
  let redirected = false;
  for (const token of tokens) {
    if (token.kind === "word") stages.at(-1)!.push(token);
    else if (token.kind === "output") redirected = true;
    else if (token.joint === "|") stages.push([]);
    else if (stages.length > 1 || stages[0]!.length > 0) {
      const read = readPipeline(line, stages, variables);
      if (read === undefined) return undefined;
      if (read === "set")
        settings += `${line.slice(stages[0]![0]!.start, stages[0]!.at(-1)!.end)}; `;
      else {
        // With the redirections behind it, which are no words.
        const text = line.slice(stages[0]![0]!.start, token.start).trim();
        commands.push({ ...read, text, joint, redirected, settings });
        joint = token.joint;
      }
      stages = [[]];
      redirected = false;
    }
  }
  return commands;
}
