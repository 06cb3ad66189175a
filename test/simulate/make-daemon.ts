/** Makes the daemon of one life of the process. */

import type { CommandStarts } from "./command-starts.ts";
import { Daemon, type DaemonParts } from "./daemon.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Life } from "./life.ts";
import type { Witness } from "./witness.ts";

interface Made extends Pick<DaemonParts, "agenda" | "kernel" | "sessions" | "bootId"> {
  readonly disk: Pick<SimulatedDisk, "configFile" | "folder">;
  readonly life: Life;
  readonly commands: Pick<CommandStarts, "start">;
  readonly witness: Witness;
}

/** Throws SallyportError where there is no configuration that it can work by. */
export function makeDaemon(of: Made): Daemon {
  const { agenda, kernel, sessions, bootId, disk, life, commands, witness } = of;
  const daemon: Daemon = new Daemon({
    agenda,
    kernel,
    sessions,
    bootId,
    folder: disk.folder,
    file: disk.configFile,
    border: (where) => life.border(where),
    run: (work) => life.run(work),
    start: (command) => commands.start(life, command),
    ...witness.of(life, () => daemon),
  });
  return daemon;
}
