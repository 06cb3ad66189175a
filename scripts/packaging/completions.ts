/** The completions of three shells, and where each looks for them. */

import type { WrittenFile } from "../../src/service/own-files.ts";
import { bashCompletion } from "./completions/bash.ts";
import { fishCompletion } from "./completions/fish.ts";
import { zshCompletion } from "./completions/zsh.ts";
import { allWords } from "./words.ts";

export function completions(): WrittenFile[] {
  const words = allWords();
  return [
    { path: "/usr/share/bash-completion/completions/sallyport", text: bashCompletion(words) },
    { path: "/usr/share/zsh/vendor-completions/_sallyport", text: zshCompletion(words) },
    { path: "/usr/share/fish/vendor_completions.d/sallyport.fish", text: fishCompletion(words) },
  ];
}
