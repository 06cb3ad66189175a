/** sallyport(1): every command with its options and examples, as `--help` has them. */

import { ExitCode } from "../../../src/core/errors.ts";
import { type ArgumentWords, type CommandWords, flatten, type OptionWords } from "../words.ts";
import { block, bold, inline, item, page, plain, section, subsection, title } from "./roff.ts";

const EXIT: Record<keyof typeof ExitCode, string> = {
  ok: "It did what it was told.",
  failure: "It failed; one sentence on standard error says why, and what would be right.",
  usage: "The command line is wrong (EX_USAGE).",
  privilege: "It needs root, or the rights of the server's user (EX_NOPERM).",
  config: "The configuration or the keys are wrong (EX_CONFIG).",
  interrupted: "Ctrl\\-C ended it, at a question as well; nothing was changed then.",
};

const FILES: readonly (readonly [path: string, holds: string])[] = [
  ["/etc/sallyport/config.toml", "what is guarded, and who may knock: sallyport.toml(5)"],
  [
    "/var/lib/sallyport",
    "keys, used knocks and the audit log; root and the server's user alone may read them",
  ],
  ["/run/sallyport/control.sock", "where commands reach the daemon"],
  ["~/.config/sallyport/profiles", 'links that "sallyport knock \\-\\-save" stored, one a file'],
  ["~/.local/state/sallyport/slots", "which knocks this client has used"],
];

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function terms(list: readonly (ArgumentWords | OptionWords)[]): string[] {
  return list.map(({ term, description }) => item(bold(term), plain(`${description}.`)));
}

/** Remarks are paragraphs, examples are shown as they are typed. */
function after(text: string): string[] {
  const [remarks = "", examples] = text.split(/^Examples?:\n/m);
  return [
    ...remarks
      .split(/\n{2,}/)
      .filter((part) => part.trim() !== "")
      .map((part) => `.PP\n${plain(part.trim())}`),
    ...(examples === undefined ? [] : [block(examples.replaceAll(/^ {2}/gm, "").trimEnd())]),
  ];
}

function command(words: CommandWords): string[] {
  const { path, description, arguments: takes, options, commands } = words;
  const usage = [
    path,
    ...takes.map(({ term }) => term),
    ...(options.length > 1 ? ["[options]"] : []),
  ];
  const head = subsection(`sallyport ${usage.join(" ")}`);
  // A group says nothing that its commands do not.
  if (commands.length > 0) return [];
  const own = options.filter(({ long }) => long !== "--help");
  return [
    head,
    `.PP\n${plain(`${description}.`)}`,
    ...terms(takes),
    ...terms(own),
    ...after(words.after),
  ];
}

/** `about` is what the program is, in a paragraph of Markdown. */
export function commandPage(
  root: CommandWords,
  about: string,
  version: string,
  date: string,
): string {
  const [, ...commands] = flatten(root);
  return page([
    title({ name: "sallyport", section: 1, date, version, manual: "User Commands" }),
    section("Name"),
    `sallyport \\- ${plain(lowerFirst(root.description))}`,
    section("Synopsis"),
    `.B sallyport\n.I command\n[\\fIoptions\\fR]`,
    section("Description"),
    inline(about),
    ...after(root.after),
    section("Options"),
    ...terms(root.options),
    section("Commands"),
    "Every command prints its help with \\fB\\-\\-help\\fR.",
    ...commands.flatMap(command),
    section("Exit status"),
    ...Object.entries(ExitCode).map(([name, code]) =>
      item(bold(String(code)), plain(EXIT[name as keyof typeof ExitCode])),
    ),
    section("Files"),
    ...FILES.map(([path, holds]) => item(`\\fI${plain(path)}\\fR`, `${holds}.`)),
    section("Environment"),
    item(
      "\\fBXDG_CONFIG_HOME\\fR, \\fBXDG_STATE_HOME\\fR",
      "where the client keeps links and used knocks, in place of the folders above.",
    ),
    item("\\fBNO_COLOR\\fR", "no colours, whatever its value."),
    section("See also"),
    "\\fBsallyport.toml\\fR(5), \\fBrks1\\fR(7), \\fBnft\\fR(8), \\fBsystemctl\\fR(1)",
  ]);
}
