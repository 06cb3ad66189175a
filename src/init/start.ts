/** Hands sallyport to systemd: units, the user it runs as, and a first start on probation. */

import { spawnSync } from "node:child_process";
import type { Settings } from "../config/settings.ts";
import { SallyportError } from "../core/errors.ts";
import { shellCommand } from "../core/shell-command.ts";
import { ProbationFile } from "../control-plane/guard/probation-file.ts";
import { guardFiles, install, preparations, serviceFiles } from "../service/install.ts";

export interface Place {
  readonly executable: string;
  readonly config: string;
}

/** Writes the units that no package brought, and enables both. Starts nothing. Returns the paths. */
export function installUnits(place: Place): string[] {
  const options = { ...place, root: "", user: "sallyport" };
  const paths = install([...serviceFiles(options), ...guardFiles(options)], "");
  for (const command of preparations(options)) run(command);
  run(["systemctl", "daemon-reload"]);
  run(["systemctl", "enable", "sallyport.service", "sallyport-guard.service"]);
  return paths;
}

/**
 * Starts the service; its guard is on probation from the first moment, whatever becomes of this
 * process. Throws a SallyportError where it does not get ready; the guard then opens again by
 * itself.
 */
export function startOnProbation(settings: Settings, wallMs: number, forMs: number): void {
  new ProbationFile(settings.server.stateDir).begin(wallMs, forMs);
  run(["systemctl", "restart", "sallyport.service"]);
}

function run(argv: readonly string[]): void {
  const [program = "", ...rest] = argv;
  const { status, stderr } = spawnSync(program, rest, {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status === 0) return;
  const said = (stderr ?? "").trim().split("\n")[0]!.replace(/\.$/, "");
  throw new SallyportError(
    `Cannot run "${shellCommand(argv)}": ${said || "it failed"}: see "journalctl -u sallyport -n 20", then run "sallyport init" again, which goes on from here`,
  );
}
