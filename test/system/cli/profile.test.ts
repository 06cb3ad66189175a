/** `sallyport profile` as a person runs it, with the compiled executable; no output holds the key unasked. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { EXECUTABLE } from "../../support/executable.ts";
import { run } from "../../support/programs.ts";

setDefaultTimeout(90_000); // a busy computer takes a while to start a program

const CANARY = encodeBase32(new Uint8Array(32).fill(0xc3));
const LINK = `rks1://alice%2Flaptop@gate.example/ssh?key=${CANARY}&opens=22/tcp`;
const WEB = LINK.replace("/ssh?", "/web?").replace("22/tcp", "443/tcp");

let home = "";
let folder = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sallyport-profile-"));
  folder = join(home, "sallyport", "profiles");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function profile(argv: readonly string[], input = "") {
  const env = { ...process.env, XDG_CONFIG_HOME: home };
  return run([EXECUTABLE, "profile", ...argv], { mayFail: true, input, env });
}

test("profile add saves the link of standard input after its host, for its owner alone", () => {
  const path = join(folder, "gate");
  expect(profile(["add", "-"], `the link: "${LINK}"\n`)).toEqual({
    code: 0,
    out: `Saved ssh on gate.example in ${path}\nKnock with: sallyport knock gate\n`,
    err: "",
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("profile add names a second door of a host after both, and knows what is saved already", () => {
  profile(["add"], LINK);
  expect(profile(["add"], WEB).out).toContain("Knock with: sallyport knock gate-web");
  expect(profile(["add"], LINK)).toMatchObject({
    code: 0,
    out: "Saved already: ssh on gate.example is gate\n",
  });
  expect(readdirSync(folder).sort()).toEqual(["gate", "gate-web"]);
});

test("profile add replaces a key of the same door only with --force, and takes a name", () => {
  profile(["add"], LINK);
  const renewed = LINK.replace(CANARY, encodeBase32(new Uint8Array(32).fill(0xc4)));
  expect(profile(["add"], renewed)).toMatchObject({ code: 1 });
  expect(profile(["add", "--force"], renewed).code).toBe(0);
  expect(profile(["add", "--name", "home"], renewed).out).toContain("sallyport knock home");
  expect(readdirSync(folder).sort()).toEqual(["gate", "home"]);
});

test("profile add calls a link to an address after its door", () => {
  profile(["add"], LINK.replace("gate.example", "192.0.2.7"));
  profile(["add"], WEB.replace("gate.example", "[2001:db8::7]"));
  expect(readdirSync(folder).sort()).toEqual(["ssh", "web"]);
});

test("profile add takes a link on the command line, and says who can see it there", () => {
  const { code, err, out } = profile(["add", LINK]);
  expect([code, err]).toEqual([
    0,
    "sallyport: a link on the command line can be seen by other users and stays in the shell's history: leave it out, and paste it when asked\n",
  ]);
  expect(out).not.toContain(CANARY);
});

test.each([
  ["a name in the place of a link", ["add", "home"], 'run "sallyport profile add --name home"'],
  ["a key in the place of a link", ["add", CANARY], 'run "sallyport profile add --name NAME"'],
  ["an empty standard input", ["add"], "standard input is empty"],
  ["a bad name", ["add", "--name", "../x"], "its name is not valid: use up to 32 letters"],
  [
    "an unknown profile to show",
    ["show", "home"],
    'Cannot find the profile "home": no profile is saved: save its link with "sallyport profile add --name home"\n',
  ],
  [
    "an unknown profile to remove",
    ["remove", "home"],
    'Cannot find the profile "home": no profile is saved: there is nothing to remove under this name\n',
  ],
])("profile refuses %s in one sentence with 64", (_, argv, sentence) => {
  const { code, err, out } = profile(argv);
  expect([code, out]).toEqual([64, ""]);
  expect(err).toContain(sentence);
  expect(err).not.toContain(CANARY);
  expect(err.trimEnd().split("\n").length).toBe(1);
});

test("profile list prints what is saved, without keys, and names what it cannot read", () => {
  expect(profile(["list"])).toMatchObject({ code: 0, out: "" });
  profile(["add"], LINK);
  profile(["add"], WEB);
  writeFileSync(join(folder, "broken"), CANARY, { mode: 0o600 });
  const { code, out, err } = profile(["list"]);
  expect([code, out]).toEqual([
    0,
    "gate\tssh\tgate.example\t22/tcp\talice/laptop\ngate-web\tweb\tgate.example\t443/tcp\talice/laptop\n",
  ]);
  expect(err).toMatch(/^sallyport: Cannot use .*\/broken: /);
  expect(err).not.toContain(CANARY);
  const listed = profile(["list", "--json"]);
  expect(JSON.parse(listed.out)).toMatchObject([{ name: "gate", door: "ssh" }, { door: "web" }]);
  expect(listed.out).not.toContain(CANARY);
});

test("profile show tells all but the key; --link, and --qr in a pipe, print the link and a warning", () => {
  profile(["add"], LINK);
  for (const extra of [[], ["--json"]]) {
    const { code, out } = profile(["show", "gate", ...extra]);
    expect(code).toBe(0);
    expect(out).toContain("gate.example");
    expect(out).not.toContain(CANARY);
  }
  for (const option of ["--link", "--qr"]) {
    const { out, err } = profile(["show", "gate", option]);
    expect(out).toBe(`${LINK}\n`);
    expect(err).toContain("this is the key of one device: move it, do not copy it");
  }
});

test("profile remove deletes a profile, a broken one as well", () => {
  profile(["add"], LINK);
  writeFileSync(join(folder, "broken"), "nothing", { mode: 0o600 });
  for (const name of ["gate", "broken"]) {
    expect(profile(["remove", name])).toMatchObject({ code: 0 });
  }
  expect(readdirSync(folder)).toEqual([]);
});

test("profile says in one sentence that nobody knows where this user's home is", () => {
  const env = { HOME: "here", PATH: process.env["PATH"] };
  expect(run([EXECUTABLE, "profile", "list"], { mayFail: true, env })).toEqual({
    code: 1,
    out: "",
    err: "sallyport: Cannot find your home folder: HOME names none, and neither does this system's list of users: set HOME, or XDG_CONFIG_HOME\n",
  });
});
