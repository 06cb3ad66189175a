/** Saved profiles: which are written, which are refused, and that no message holds the key. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  isProfileName,
  listProfiles,
  readProfile,
  removeProfile,
  saveProfile,
} from "../../../src/client/profile-files.ts";
import { looksLikeLink, openProfile } from "../../../src/client/profile-source.ts";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { formatProfileLink, parseProfileLink } from "../../../src/rks/profile-link.ts";
import { asNobody } from "../../support/nobody.ts";

const CANARY = encodeBase32(new Uint8Array(32).fill(0xc3));
const LINK = `rks1://alice%2Flaptop@gate.example/ssh?key=${CANARY}&opens=22/tcp`;
const PROFILE = parseProfileLink(LINK);

let home = "";
let folder = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sallyport-profiles-"));
  folder = join(home, "sallyport", "profiles");
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

/** The error of a call; the canary key must be in no error at all. */
function refusal(call: () => unknown): SallyportError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(SallyportError);
    expect(Bun.inspect(error)).not.toContain(CANARY);
    return error as SallyportError;
  }
  throw new Error("nothing was refused");
}

test("saveProfile() writes one link a file, for its owner alone, and readProfile() reads it back", () => {
  const path = saveProfile(folder, "home", PROFILE);
  expect(readFileSync(path, "utf8")).toBe(`${formatProfileLink(PROFILE)}\n`);
  expect([path, folder].map((made) => statSync(made).mode & 0o777)).toEqual([0o600, 0o700]);
  expect(readProfile(folder, "home")).toEqual(PROFILE);
});

test("saveProfile() writes mode 0600 whatever the umask says", () => {
  const before = process.umask(0);
  try {
    expect(statSync(saveProfile(folder, "home", PROFILE)).mode & 0o777).toBe(0o600);
  } finally {
    process.umask(before);
  }
});

test("saveProfile() replaces a profile only when told to, and leaves no draft", () => {
  saveProfile(folder, "home", PROFILE);
  const other = { ...PROFILE, door: "web" };
  expect(refusal(() => saveProfile(folder, "home", other)).message).toMatch(
    /^Cannot save the profile "home": .*profiles\/home exists: add --force/,
  );
  expect(readProfile(folder, "home").door).toBe("ssh");
  saveProfile(folder, "home", other, true);
  expect(readProfile(folder, "home").door).toBe("web");
  expect(readdirSync(folder)).toEqual(["home"]);
});

test("readProfile() refuses a file that others can read, with the way out", () => {
  const path = saveProfile(folder, "home", PROFILE);
  for (const mode of [0o640, 0o604, 0o660, 0o602, 0o610]) {
    chmodSync(path, mode);
    const error = refusal(() => readProfile(folder, "home"));
    expect(error.message).toContain(`run "chmod 600 ${path}"`);
    expect(error.exitCode).toBe(ExitCode.config);
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(path, mode);
    expect(readProfile(folder, "home")).toEqual(PROFILE);
  }
});

test("readProfile() looks at the file behind a link, not at the link", () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(home, "shared"), LINK, { mode: 0o644 });
  symlinkSync(join(home, "shared"), join(folder, "home"));
  expect(refusal(() => readProfile(folder, "home")).message).toContain("chmod 600");
});

test("readProfile() names the saved profiles where the wanted one is missing", () => {
  expect(refusal(() => readProfile(folder, "home")).message).toContain("no profile is saved");
  saveProfile(folder, "work", PROFILE);
  saveProfile(folder, "attic", PROFILE);
  const error = refusal(() => readProfile(folder, "home"));
  expect(error.message).toMatch(/^Cannot find the profile "home": saved are attic, work: /);
  expect(error.exitCode).toBe(ExitCode.usage);
});

test("saveProfile() and removeProfile() clear away what killed commands left, and no draft of one that runs", () => {
  saveProfile(folder, "home", PROFILE);
  const left = [".home.0a1b2c3d.new", ".draft.4711", `.${crypto.randomUUID()}`];
  const kept = [".home.11111111.new", ".gitignore"];
  const leave = () => {
    for (const name of [...left, ...kept]) writeFileSync(join(folder, name), LINK);
    for (const name of [...left, ".gitignore"]) utimesSync(join(folder, name), 1, 1);
  };
  leave();
  saveProfile(folder, "work", PROFILE);
  expect(readdirSync(folder).sort()).toEqual([...kept, "home", "work"].sort());
  leave();
  removeProfile(folder, "home");
  expect(readdirSync(folder).sort()).toEqual([...kept, "work"].sort());
});

test("saveProfile() does not take a folder on a disk that is away, or a file in its place, for a name that is taken", () => {
  mkdirSync(join(home, "sallyport"));
  for (const place of [
    () => symlinkSync("/nonexistent/profiles", folder),
    () => writeFileSync(folder, ""),
  ]) {
    rmSync(folder, { force: true });
    place();
    for (const replace of [false, true]) {
      const { message } = refusal(() => saveProfile(folder, "home", PROFILE, replace));
      expect(message).toContain(`: make ${folder} writable, or name another folder`);
    }
  }
});

test("readProfile() names the file of a broken link and quotes nothing of it", () => {
  const path = saveProfile(folder, "home", PROFILE);
  for (const broken of ["", CANARY, `${LINK}&window=9`, `${LINK}\n${LINK}`, LINK.slice(0, -30)]) {
    writeFileSync(path, broken);
    const error = refusal(() => readProfile(folder, "home"));
    expect(error.message).toStartWith(`Cannot use ${path}: `);
    expect(error.exitCode).toBe(ExitCode.config);
  }
});

test("readProfile() refuses a folder in the place of a file", () => {
  mkdirSync(join(folder, "home"), { recursive: true, mode: 0o700 });
  expect(refusal(() => readProfile(folder, "home")).message).toMatch(
    /^Cannot use .*: it is no file: move it away$/,
  );
});

test.each([
  ["home", true],
  ["gate.example-2_b", true],
  ["a".repeat(32), true],
  ["a".repeat(33), false],
  [CANARY, false],
  ["", false],
  [".hidden", false],
  ["-d", false],
  ["..", false],
  ["../home", false],
  ["a/b", false],
  ["fd00::1", false],
])("isProfileName(%j) is %p", (name, expected) => {
  expect(isProfileName(name)).toBe(expected);
});

test("saveProfile() and readProfile() refuse what is no name without quoting it", () => {
  for (const name of [CANARY, "../../etc/passwd", LINK]) {
    expect(refusal(() => saveProfile(folder, name, PROFILE)).message).not.toContain(name);
    expect(refusal(() => readProfile(folder, name)).message).not.toContain(name);
  }
});

test("listProfiles() is sorted, leaves drafts out, and is empty without a folder", () => {
  expect(listProfiles(folder)).toEqual([]);
  saveProfile(folder, "b", PROFILE);
  saveProfile(folder, "a", PROFILE);
  writeFileSync(join(folder, ".draft"), "");
  expect(listProfiles(folder)).toEqual(["a", "b"]);
});

test("listProfiles() does not take a folder that it may not read for an empty one", () => {
  saveProfile(folder, "home", PROFILE);
  chmodSync(folder, 0o300);
  const { message, exitCode } = asNobody(() => refusal(() => listProfiles(folder)));
  expect(message).toBe(`Cannot read ${folder}: EACCES: make it a folder of yours with mode 0700`);
  expect(exitCode).toBe(ExitCode.config);
});

test("looksLikeLink() takes every mangled link for one, and no name", () => {
  for (const link of [LINK, LINK.toUpperCase(), "rks1:/a", "rks2://x", `ssh?key=${CANARY}`]) {
    expect(looksLikeLink(link)).toBe(true);
  }
  for (const name of ["home", "gate.example", "fd00::1", "rks", "keys"]) {
    expect(looksLikeLink(name)).toBe(false);
  }
});

test("openProfile() reads a name or a link", async () => {
  saveProfile(folder, "home", PROFILE);
  expect(await openProfile("home", folder)).toEqual(PROFILE);
  expect(await openProfile(LINK, folder)).toEqual(PROFILE);
});
