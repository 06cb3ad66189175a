/** Living grants: put into the kernel at once, as so many openings would leave them. */

import { SET } from "../../src/firewall/sets.ts";
import { type Contestant, type Running, SERVICE_PORT, type Setup } from "./contestant.ts";
import { RunningSallyport } from "./contestants/sallyport.ts";
import type { Stage } from "./stage.ts";

const LIFE_SECONDS = 3_600;

/** fwknopd's mark of a rule: its end in Unix seconds, by which it finds the rule again. */
const EXPIRES = "_exp_";

function addElements(stage: Stage, set: string, elements: readonly string[]): void {
  if (elements.length === 0) return;
  stage.lab.run("server", ["nft", "-f", "-"], {
    input: `add element ${set} { ${elements.join(", ")} }\n`,
  });
}

/** The daemon is down meanwhile and finds them when it starts, as after an upgrade. */
async function giveSallyport(
  { server }: RunningSallyport,
  stage: Stage,
  sources: readonly string[],
): Promise<void> {
  await server.stop();
  const elements = sources.map(
    (source) =>
      `${source} . tcp . ${SERVICE_PORT} timeout ${LIFE_SECONDS}s comment "door0 user0/default"`,
  );
  addElements(stage, `inet sallyport ${SET.door("grants", 4)}`, elements);
  await server.start();
}

function giveFwknopd(stage: Stage, sources: readonly string[]): void {
  const end = Math.floor(Date.now() / 1_000) + LIFE_SECONDS;
  const rules = sources.map(
    (source) =>
      `-A FWKNOP_INPUT -s ${source}/32 -p tcp -m tcp --dport ${SERVICE_PORT} -m comment --comment ${EXPIRES}${end} -j ACCEPT`,
  );
  stage.lab.run("server", ["iptables-restore", "--noflush"], {
    input: `*filter\n${rules.join("\n")}\nCOMMIT\n`,
  });
}

/** The same contestant, started with a grant for each of `count` addresses; tells them to `given`. */
export function withGrants(
  contestant: Contestant,
  count: number,
  given: (running: Running, sources: readonly string[]) => void,
): Contestant {
  const start = async (stage: Stage, setup: Setup) => {
    const running = await contestant.start(stage, setup);
    const sources = stage.sources(count);
    if (running instanceof RunningSallyport) await giveSallyport(running, stage, sources);
    else if (contestant.name.startsWith("fwknopd")) giveFwknopd(stage, sources);
    else {
      const elements = sources.map((source) => `${source} timeout ${LIFE_SECONDS}s`);
      addElements(stage, "inet bench open0", elements);
    }
    given(running, sources);
    return running;
  };
  return { ...contestant, start };
}
