/** Who does which deed of a story. */

import type { CommandStarts } from "./command-starts.ts";
import type { Connections } from "./connections.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Knocks } from "./knocks.ts";
import type { Mishaps } from "./mishaps.ts";
import type { Operator } from "./operator.ts";
import type { Deed } from "./story.ts";
import { PEOPLE } from "./world.ts";

interface Doers {
  readonly knocks: Knocks;
  readonly connections: Connections;
  readonly operator: Operator;
  readonly mishaps: Mishaps;
  readonly process: Pick<DaemonProcess, "condemn" | "condemnNext" | "restart">;
  readonly commands: Pick<CommandStarts, "refuse">;
}

type Doings = {
  readonly [Type in Deed["type"]]: (deed: Extract<Deed, { type: Type }>) => void;
};

type Ending = Extract<Deed, { type: "kill" | "power cut" }>;

export function doer(doers: Doers): (deed: Deed) => void {
  const doings = doingsOf(doers);
  return (deed) => (doings[deed.type] as (deed: Deed) => void)(deed);
}

function doingsOf({ knocks, connections, operator, mishaps, process, commands }: Doers): Doings {
  const end = (deed: Ending) => {
    const { type: how, border: left, downMs, at, next } = deed;
    const death = { left, at, how, downMs, seed: deed.type === "kill" ? 0 : deed.seed };
    if (next === true) process.condemnNext(death);
    else process.condemn(death);
  };
  return {
    knock: ({ person, door, clockMs, road }) => knocks.rotating(person, door, clockMs, road),
    replay: ({ back, own, road }) => knocks.again(back, own, road),
    fixed: ({ person, closing, road }) => knocks.fixed(PEOPLE[person]!, closing, road),
    crowd: ({ first, strangers }) => knocks.crowd(first, strangers),
    open: ({ person, door }) => operator.open(door, PEOPLE[person]!),
    many: ({ door, strangers }) => operator.openToMany(door, strangers),
    close: ({ which }) => operator.close(which),
    connect: ({ person, port, forMs }) => connections.connect(PEOPLE[person]!, port, forMs),
    reload: (deed) => operator.reload(deed),
    keys: (deed) => operator.changeKeys(deed),
    "keys file": ({ state }) => operator.spoilKeys(state),
    arm: ({ forMs }) => operator.arm(forMs),
    confirm: ({ force }) => operator.confirm(force),
    clock: ({ byMs }) => mishaps.setClock(byMs),
    kill: end,
    "power cut": end,
    restart: ({ downMs, reboot }) => process.restart(downMs, reboot),
    flush: () => mishaps.flush(),
    empty: (deed) => mishaps.empty(deed),
    spoil: () => mishaps.spoil(),
    "kernel fault": (deed) => mishaps.failKernel(deed),
    "late notices": (deed) => mishaps.delayNotices(deed),
    disk: (deed) => mishaps.failDisk(deed),
    "no processes": ({ times }) => commands.refuse(times),
    wait: () => undefined,
  };
}
