/**
 * Sets the stage for a story: the machine, the daemon's process on it, and all who deal with them or watch
 * them. Each knows only what was made before it.
 */

import { Agenda } from "./agenda.ts";
import { Checks } from "./checks.ts";
import { Chronicle } from "./chronicle.ts";
import { Closings } from "./closings.ts";
import { CommandStarts } from "./command-starts.ts";
import { Connections } from "./connections.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { SimulatedDisk } from "./disk.ts";
import { DiskTrouble } from "./disk-trouble.ts";
import { Disturbances } from "./disturbances.ts";
import { doer } from "./doer.ts";
import { Expectations } from "./expectations.ts";
import { KeptConfiguration } from "./kept-configuration.ts";
import { SimulatedKernel } from "./kernel.ts";
import { KeyRing } from "./key-ring.ts";
import { Knocks } from "./knocks.ts";
import type { LivingSession } from "./living-sessions.ts";
import { LossWatch } from "./loss-watch.ts";
import { makeDaemon } from "./make-daemon.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { Mishaps } from "./mishaps.ts";
import { Network } from "./network.ts";
import { Operator } from "./operator.ts";
import { Requests } from "./requests.ts";
import { Silences } from "./silences.ts";
import type { Deed, Story } from "./story.ts";
import { Watches } from "./watches.ts";
import { Witness } from "./witness.ts";
import { numberOf } from "./world.ts";

/** A morning in 2027. */
const BEGIN_MS = 1_800_000_000_000;

/** A set of fewer elements may be full. */
const ROOMY_SET = 1_000;

export interface Stage extends Disposable {
  readonly agenda: Agenda;
  readonly chronicle: Chronicle;
  readonly process: DaemonProcess;
  readonly silences: Silences;
  readonly checks: Checks;
  readonly memory: MemoryWatch;
  /** Somebody does this. */
  readonly do: (deed: Deed) => void;
  /** Nothing disturbs any more: everything has the time to come to its end. */
  readonly leave: () => void;
}

export function setStage(story: Story): Stage {
  const { sparse, seed } = story;
  const agenda = new Agenda((sparse?.beginMs ?? BEGIN_MS) + (seed % 1_000) * 977);
  const chronicle = new Chronicle(agenda, sparse !== undefined);
  const kernel = new SimulatedKernel(agenda, story);
  const keys = new KeyRing();
  const disk = new SimulatedDisk(keys.text);
  const diskTrouble = new DiskTrouble(agenda, disk);
  const sessions = new Set<LivingSession>();
  const machine = { agenda, chronicle, kernel, disk, diskTrouble, sessions };
  disk.writeConfig(0, false);

  const haveRoom = story.setSize > ROOMY_SET;
  const watches = new Watches(machine);
  const { oracle, guard, closes, alarms } = watches;
  const disturbances = new Disturbances(agenda, () => watches.grants.touched());
  const losses = new LossWatch(agenda, chronicle, oracle.uses);
  const kept = new KeptConfiguration({ chronicle, disk, diskTrouble, guard });
  const memory = new MemoryWatch(agenda, chronicle, disk);
  kernel.faulted = (fault) => {
    chronicle.tally.add(`kernel: ${fault}`);
    disturbances.tamper();
  };
  disk.refused = (where) => chronicle.tally.add(`disk refuses ${where}`);

  /** The keys that the file had when the present daemon was made, until that is in force. */
  let read: ReadonlySet<string> | undefined;
  const commands = new CommandStarts({ agenda, chronicle, closes });
  const closings = new Closings({ agenda, chronicle, keys, watches });
  const witness = new Witness({
    chronicle,
    keys,
    watches,
    closings,
    entered: (daemon) => {
      disturbances.disturbGently();
      chronicle.note(`configuration ${numberOf(daemon.inForce.settings.doors)} is in force`);
      kept.enters(daemon);
      // A start that fails keeps nothing of what it read.
      if (read !== undefined) keys.wasRead(read);
      read = undefined;
    },
  });
  const process = new DaemonProcess({
    ...machine,
    disturbances,
    begins: () => {
      watches.newLife();
      // A full set has no record of some holders: a later daemon does not know them.
      if (!haveRoom) watches.grants.touched();
      commands.newLife();
    },
    make: (life, bootId) =>
      kept.judge(() => makeDaemon({ ...machine, bootId, life, commands, witness })),
    made: (daemon, kernelForgot) => {
      read = keys.listed;
      const isFallBack = daemon.inForce.configuration.mistake !== undefined;
      if (keys.isSpoilt && (!isFallBack || diskTrouble.hasBeen)) keys.doubt();
      losses.judge(daemon, kernelForgot, diskTrouble.isRefusing);
    },
    died: (powerCut) => {
      watches.died(powerCut);
      if (powerCut && disk.vouchesFalsely) oracle.uses.forgive();
    },
    rebooted: (inOrder) => {
      sessions.clear();
      if (!inOrder) losses.mayLose();
    },
  });

  const surroundings = { ...machine, keys, disturbances, process, haveRoom };
  const network = new Network(agenda, process);
  const expectations = new Expectations(surroundings);
  const knocks = new Knocks({ ...surroundings, network, expectations, losses, alarms, oracle });
  const connections = new Connections({ ...surroundings, watches });
  const requests = new Requests({ ...surroundings, guard });
  const operator = new Operator({ ...surroundings, requests, closings, watches });
  const mishaps = new Mishaps({ ...surroundings, losses, watches });

  return {
    agenda,
    chronicle,
    process,
    memory,
    silences: new Silences({ ...surroundings, requests, memory, watches }),
    checks: new Checks({ ...surroundings, commands, requests, losses, watches, kept }),
    do: doer({ knocks, connections, operator, mishaps, process, commands }),
    leave: () => {
      chronicle.note("everybody leaves");
      disk.writeConfig(Math.max(0, process.configuration), false);
      operator.mendKeys();
      mishaps.end();
      commands.refuse(0);
      process.spare();
      disturbances.disturb();
    },
    [Symbol.dispose]: () => {
      process.leave();
      disk[Symbol.dispose]();
    },
  };
}
