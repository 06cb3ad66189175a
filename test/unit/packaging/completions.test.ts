/**
 * Completions: every command and option is in them, their shells read them, and bash offers the
 * right words.
 */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { completions } from "../../../scripts/packaging/completions.ts";
import { allWords, flatten, nameOf } from "../../../scripts/packaging/words.ts";
import { run } from "../../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-completion-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = completions().map(({ path, text }) => {
  const file = join(folder, path.includes("/bash") ? "sallyport.bash" : basename(path));
  writeFileSync(file, text);
  return { file, text };
});
const [bash, zsh, fish] = files as [(typeof files)[0], (typeof files)[0], (typeof files)[0]];

test.each([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
] as const)("%s can read its completion", (shell, { file }) => {
  expect(run([shell, "-n", file])).toEqual({ code: 0, out: "", err: "" });
});

test.each(flatten(allWords()).map((words) => [words.path, words] as const))(
  'all three know "sallyport %s" with its commands and options',
  (path, words) => {
    const entry = bash.text.split("\n").find((line) => line.startsWith(`    '${path}') `))!;
    for (const child of words.commands) {
      expect(/commands='([^']*)'/.exec(entry)![1]!.split(" ")).toContain(nameOf(child));
      expect(zsh.text).toContain(`_sallyport_${child.path.replaceAll(" ", "_")}() {`);
      expect(fish.text).toContain(`${fishAt(path)} -a ${nameOf(child)} -d `);
    }
    const own = zsh.text.slice(
      zsh.text.indexOf(`_sallyport${path === "" ? "" : `_${path.replaceAll(" ", "_")}`}() {`),
    );
    for (const { long } of words.options) {
      expect(/options='([^']*)'/.exec(entry)![1]!.split(" ")).toContain(long!);
      expect(own.slice(0, own.indexOf("\n}\n"))).toContain(`${long!}[`);
      expect(
        fish.text
          .split("\n")
          .filter((line) => line.startsWith(fishAt(path)))
          .join("\n"),
      ).toContain(` -l ${long!.slice(2)} `);
    }
  },
);

function fishAt(path: string): string {
  return String.raw`complete -c sallyport -n '__sallyport_at \'${path}\''`;
}

describe("in a bash", () => {
  mkdirSync(join(folder, "config/sallyport/profiles"), { recursive: true });
  for (const name of ["home", "gate"])
    writeFileSync(join(folder, "config/sallyport/profiles", name), "");
  writeFileSync(join(folder, "knock file.pcap"), "");

  /** The words offered for the last one. */
  function offered(...words: string[]): string[] {
    const script = `source ${bash.file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sallyport; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { PATH: process.env["PATH"], XDG_CONFIG_HOME: join(folder, "config") };
    const { out, err } = run(["bash", "-c", script, "bash", "sallyport", ...words], {
      cwd: folder,
      env,
    });
    expect(err).toBe("");
    return out.split("\n").filter((line) => line !== "");
  }

  test.each([
    [["kn"], ["knock"]],
    [
      ["user", ""],
      ["add", "list", "remove", "show"],
    ],
    [["user", "add", "--dev"], ["--device"]],
    [["user", "add", "--device", ""], []],
    [["user", "add", "alice", "--if"], ["--if-missing"]],
    [
      ["knock", ""],
      ["gate", "home"],
    ],
    [["knock", "-4", "h"], ["home"]],
    [["knock", "--forget", "g"], ["gate"]],
    [["knock", "--wait", "22", "h"], ["home"]],
    [["knock", "home", ""], []],
    [["replay", "kn"], ["knock file.pcap"]],
    [["firewall", "install", "--root", "con"], ["config"]],
    [["status", "user"], []],
    [["firewall", "load", "--config", "knock f"], ["knock file.pcap"]],
  ])("%p offers %p", (words, expected) => {
    expect(offered(...words).sort()).toEqual([...expected].sort());
  });
});
