/** Check: the executable gives nobody rights, because its user can make it run any program. */

import { statSync } from "node:fs";
import { hasFileCapabilities } from "../native/file-capabilities.ts";
import { type Findings, ok, problem, warning } from "../core/finding.ts";
import { shellWord } from "../core/shell-command.ts";

export interface ExecutableFacts {
  readonly path: string;
  readonly capabilities: boolean;
  /** st_mode */
  readonly mode: number;
  readonly uid: number;
}

/** Default: this executable. Throws OpError when the file cannot be examined. */
export function readExecutable(path: string = process.execPath): ExecutableFacts {
  const { mode, uid } = statSync(path);
  return { path, capabilities: hasFileCapabilities(path), mode, uid };
}

/** sys/stat.h */
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;

export function checkExecutable({ path, capabilities, mode, uid }: ExecutableFacts): Findings {
  const interpreter =
    "with BUN_BE_BUN=1 it runs any script, so everybody on this machine has these rights";
  const word = shellWord(path);
  const findings: Findings[number][] = [];
  if (capabilities) {
    findings.push(
      problem(
        `${path} has file capabilities: ${interpreter}`,
        `run "setcap -r ${word}" and let systemd give them to the service (sallyport service install)`,
      ),
    );
  }
  if ((mode & (S_ISUID | S_ISGID)) !== 0) {
    findings.push(
      problem(`${path} is setuid or setgid: ${interpreter}`, `run "chmod ug-s ${word}"`),
    );
  }
  if ((mode & 0o022) !== 0 || uid !== 0) {
    findings.push(
      warning(
        `${path} can be replaced by a user other than root, and the service runs it`,
        `run "chown root ${word}" and "chmod go-w ${word}", or copy it to /usr/local/bin`,
      ),
    );
  }
  return findings.length > 0 ? findings : [ok(`${path} gives its user no rights`)];
}
