/**
 * P29: a door's terms may change under remembered uses: no used knock opens again, and nobody waits
 * for long.
 */

import { slotAt, slotStartMs } from "../../src/rks/slot.ts";
import { DEFAULT_SPACE, type KnockSpace } from "../../src/rks/space.ts";
import { randomFrom } from "../support/random.ts";
import { CLIENT, SERVER, Stage, STRANGER, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";
import { knocksFrom, type WireKnock } from "./wire.ts";

/** Bob knocks by frames that somebody overhears, alice with the client. */
const BOB = "10.77.0.9";
const USERS = ["alice", "bob"];

type Terms = Pick<KnockSpace, "stepSeconds" | "skew" | "windowSeconds" | "ports" | "lo" | "proto">;

function toml({ stepSeconds, skew, windowSeconds, ports, lo, proto }: Terms): string {
  return `[knock]
step = "${stepSeconds}s"
skew = ${skew}
window = "${windowSeconds}s"
ports = ${ports}
range = "${lo}-${lo + 32_767}"
${webDoor(USERS, `open_for = "5s"\nproto = "${proto}"`)}`;
}

function someTerms(random: (below: number) => number): Terms {
  const one = <T>(...values: readonly T[]): T => values[random(values.length)]!;
  return {
    stepSeconds: one(10, 12, 15, 20),
    skew: one(0, 1, 2),
    windowSeconds: one(2, 5),
    ports: one(8, 9, 10),
    lo: one(20_000, 21_000),
    proto: one("tcp", "udp"),
  };
}

const CHANGES = {
  // A signal would be refused: each change of terms makes existing links void.
  reload: ({ server }: Stage) => {
    const { code, err } = server.command("reload", "--yes");
    if (code !== 0) throw new Error(err);
    return Promise.resolve();
  },
  "kill -9 and a start": async ({ server }: Stage) => {
    await server.stop("SIGKILL");
    await server.start();
  },
  "a stop, the table gone, and a start": async ({ server, lab }: Stage) => {
    await server.stop();
    lab.run("server", ["nft", "delete", "table", "inet", "sallyport"]);
    await server.start();
  },
} as const;

/**
 * Bob knocks until it opens, slot by slot like a client without memory; returns his knock, and
 * after how many slots.
 */
async function knockOverheard(stage: Stage, terms: Terms): Promise<[WireKnock[], number]> {
  const { server, wire } = stage;
  const space = { ...DEFAULT_SPACE, ...terms, hi: terms.lo + 32_767 };
  for (let waited = 0; ; waited++) {
    await stage.roomInSlot(2_000, space);
    const from = server.log.length;
    const { proto } = terms;
    const knocks = stage
      .ports("bob", { space })
      .map((port) => ({ from: BOB, to: SERVER, port, proto }));
    await wire.knock("client", knocks);
    await stage.settled();
    if (/(Opened|Renewed) web .*bob/.test(server.log.slice(from))) return [knocks, waited];
    if (waited > terms.skew) return [knocks, Infinity];
    const slot = slotAt(Date.now(), terms.stepSeconds);
    await Bun.sleep(slotStartMs(slot + 1, terms.stepSeconds) - Date.now() + 20);
  }
}

async function changes(scale: Scale): Promise<Finding> {
  const random = randomFrom(29);
  const ways = Object.values(CHANGES);
  let terms = someTerms(random);
  await using stage = await Stage.set(toml(terms), { users: USERS });
  const { server, wire } = stage;
  const overheard: WireKnock[] = [];
  let replaysOpened = 0;
  let longest = 0;
  let refusals = "";
  const rounds = scale === "full" ? 12 : 3;
  for (let round = 0; round < rounds; round++) {
    const [knocks, waited] = await knockOverheard(stage, terms);
    overheard.push(...knocksFrom(STRANGER, knocks));
    longest = Math.max(longest, waited);
    const knocked = server.knock("client", server.link("alice", "web"));
    if (knocked.code !== 0) refusals += knocked.err;

    terms = someTerms(random);
    server.writeConfig(toml(terms));
    await ways[round % ways.length]!(stage);

    const from = server.log.length;
    await wire.send(
      "stranger",
      overheard.map((knock) => wire.frame(knock)),
    );
    await stage.settled();
    replaysOpened += stage.logged(/(Opened|Renewed) web .*bob/, from);
  }
  return finding(
    replaysOpened === 0 && longest <= 3 && refusals === "",
    `${rounds} changes of step, skew, window, ports, range and protocol: ${overheard.length} overheard packets opened ${replaysOpened} times; the longest wait was ${longest} slots; the client ${refusals === "" ? "always got in" : `said: ${refusals}`}`,
  );
}

/** The old key's last slot lies ahead, as a client with a fast clock leaves it. */
async function newKey(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const { server, wire } = stage;
  await stage.roomInSlot(8_000);
  await wire.knock("client", stage.knocks(CLIENT, "alice", { ahead: 1 }));
  await server.waitForLog(/Opened web/);
  stage.renewKey("alice");
  await CHANGES.reload(stage);
  const from = server.log.length;
  await wire.knock("client", stage.knocks(CLIENT));
  await stage.settled();
  const opened = stage.logged(/(Opened|Renewed) web/, from);
  return finding(
    opened === 1,
    `a slot ahead was used; the new key ${opened === 1 ? "opened in the present slot" : "was refused"}`,
  );
}

export const trials: readonly Trial[] = [
  {
    promise: "P29",
    attack:
      "random terms by reloads, crashes and restarts, all that was ever overheard replayed after each",
    play: changes,
  },
  {
    promise: "P29",
    attack: "a key removed and made again under the same name between two reloads",
    play: newKey,
  },
];
