/** Programs that only start another one: sudo, env, nohup, a shell of its own. */

/** The program that is started in the end. */
export interface Started {
  readonly words: readonly string[];
  /** The user that sudo would run it as, unless root. */
  readonly user?: string;
  /** The line that a shell gets by `-c`. */
  readonly script?: string;
}

/** Options with a value behind them, for each program that starts others. */
const WRAPPERS: Readonly<Record<string, readonly string[]>> = {
  sudo: ["-u", "--user", "-g", "--group", "-h", "-p", "-C"],
  doas: ["-u", "-C"],
  env: ["-u", "-C"],
  nohup: [],
  nice: ["-n"],
  ionice: ["-c", "-n"],
  setsid: [],
  command: [],
  exec: [],
  timeout: ["-s", "-k"],
};
const SHELLS = new Set(["sh", "bash", "dash", "ash", "ksh", "zsh"]);

const nameOf = (word: string) => word.slice(word.lastIndexOf("/") + 1);

/** Takes them off. Options that it does not understand stay on. */
export function withoutWrappers(written: readonly string[]): Started {
  let words = written;
  let user: string | undefined;
  for (;;) {
    const name = nameOf(words[0] ?? "");
    const valued = WRAPPERS[name];
    if (SHELLS.has(name) && /^-[elx]*c$/.test(words[1] ?? "") && words[2] !== undefined) {
      return { words, ...(user !== undefined && { user }), script: words[2] };
    }
    if (valued === undefined) break;
    let at = 1;
    for (; at < words.length; at++) {
      const word = words[at]!;
      if (word === "--") {
        at++;
        break;
      }
      if (name === "env" && /^[A-Za-z_]\w*=/.test(word))
        return { words, ...(user !== undefined && { user }) };
      if (!word.startsWith("-")) break;
      if (!valued.includes(word)) continue;
      if (/^(-u|--user)$/.test(word) && name !== "env") user = words[at + 1];
      at++;
    }
    if (name === "timeout") at++;
    if (words[at] === undefined) break;
    words = words.slice(at);
  }
  return { words, ...(user !== undefined && user !== "root" && { user }) };
}
