/** Check: every rotating door has a key that opens it, and nobody else can read them. */

import { checkBound } from "../keys/forgery-bound.ts";
import { type DeviceKey, keysFile, loadKeys } from "../keys/keys.ts";
import type { Settings } from "../config/settings.ts";
import { EVERYBODY, exampleUser } from "../config/names.ts";
import { keyWarnings } from "../keys/key-warnings.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { type Findings, ok, problem, unseen, warning } from "../core/finding.ts";

/** The keys, or the error that says why the file cannot be trusted or read. */
export function readKeys(settings: Settings): readonly DeviceKey[] | SallyportError {
  try {
    return loadKeys(settings.server.stateDir);
  } catch (error) {
    if (error instanceof SallyportError) return error;
    throw error;
  }
}

/** `answers`: a daemon runs, and opens by keys that it has read before. */
export function checkKeys(
  keys: readonly DeviceKey[] | SallyportError,
  settings: Settings,
  answers = false,
): Findings {
  const file = keysFile(settings.server.stateDir);
  if (keys instanceof SallyportError) {
    if (keys.exitCode === ExitCode.privilege) {
      return [unseen(`the keys in ${file}`, "run as root, or as the user that runs sallyport")];
    }
    return answers
      ? [warning(keys.message, "until then the running daemon opens by the keys that worked last")]
      : [problem(keys.message, "until then sallyport does not start")];
  }
  const rotating = settings.doors.filter(({ users }) => users.length > 0);
  const holders = new Set(keys.map(({ user }) => user));
  const findings: Findings[number][] = rotating
    .filter(({ users }) => !isHeld(users, holders))
    .map(({ name, users }) =>
      problem(
        `Nobody can open door.${name}: none of its users has a key`,
        `run "sallyport user add ${exampleUser(users)}"`,
      ),
    );
  const known = new Set(findings.map(({ remedy }) => remedy));
  for (const said of keyWarnings(settings, keys)) {
    const at = said.lastIndexOf(": ");
    const [state, remedy] = [said.slice(0, at), said.slice(at + 2)];
    if (!known.has(remedy)) findings.push(warning(state, remedy));
  }
  try {
    checkBound(settings, keys);
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    findings.push(problem(error.message, "until then sallyport does not start"));
  }
  if (findings.length > 0) return findings;
  const count = keys.length === 1 ? "1 key" : `${keys.length} keys`;
  return [
    ok(rotating.length === 0 ? "No door needs keys" : `${file} is private and holds ${count}`),
  ];
}

/** Whether anybody has a key for a door with these users. */
function isHeld(users: readonly string[], holders: ReadonlySet<string>): boolean {
  return users.some((user) => (user === EVERYBODY ? holders.size > 0 : holders.has(user)));
}
