/**
 * P12, P13, P14 and P19: how long a grant lives, and the rest of the guard when the daemon is gone.
 */

import { rmSync } from "node:fs";
import { lastConfigFile } from "../../src/config/last-settings.ts";
import { Lab } from "../support/lab.ts";
import { sendSegment } from "../support/raw-segment.ts";
import { probe, startEcho } from "../support/service.ts";
import { Session } from "../support/session.ts";
import { SynRace } from "../support/syn-race.ts";
import { Fwknopd, Knockd } from "../support/peers.ts";
import { CLIENT, SERVER, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

async function open(stage: Stage, user = "alice"): Promise<void> {
  await stage.roomInSlot(2_000);
  const from = stage.server.log.length;
  await stage.wire.knock("client", stage.knocks(CLIENT, user));
  await stage.server.waitForLog(/(Opened|Renewed) web/, from);
}

const answer = (stage: Stage) => probe(stage.lab, "client", SERVER, 8080);

async function oneConnection(scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(webDoor(["alice"], 'uses = "one"\nopen_for = "30s"'));
  await open(stage);
  using first = await Session.open(stage.lab, "client", SERVER, 8080, { sourcePort: 45_000 });
  const again = sendSegment(stage.lab, "client", { to: SERVER, port: 8080, sourcePort: 45_000 });
  const lives = await first.echo();
  const others: string[] = [];
  for (let i = 0; i < (scale === "full" ? 12 : 4); i++) {
    others.push(answer(stage));
    await Bun.sleep(scale === "full" ? 1_000 : 300);
  }
  const refused = others.filter((one) => one === "refused").length;
  return finding(
    first.met === "open" && lives === "echoed" && refused === others.length,
    `first connection ${first.met}, after its SYN came again (${again}) it ${lives}; second ones refused: ${refused} of ${others.length}`,
  );
}

async function racedConnection(scale: Scale): Promise<Finding> {
  const users = Array.from({ length: scale === "full" ? 60 : 10 }, (_, i) => `user${i}`);
  const door = webDoor(users, 'uses = "one"\nopen_for = "30s"');
  await using stage = await Stage.set(
    `${door}[door.beside]\nopens = ["8081/tcp"]\nusers = ["user0"]\n`,
    {
      users,
    },
  );
  using race = await SynRace.start(stage.lab, "client", SERVER, 8080);
  if (!race.possible) return finding(true, "one processor: nothing can be raced");
  const accepted: number[] = [];
  for (const user of users) {
    await open(stage, user);
    accepted.push(await race.volley());
  }
  const more = accepted.filter((connections) => connections > 1).length;
  const none = accepted.filter((connections) => connections === 0).length;
  return finding(
    more === 0 && none === 0,
    `40 SYNs at once for each of ${users.length} grants: one connection ${accepted.length - more - none} times, more ${more} times, none ${none} times`,
  );
}

async function portsAgain(scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(webDoor(["alice"], 'uses = "one"\nopen_for = "30s"'));
  await open(stage);
  const source = { sourcePort: 45_002 };
  using first = await Session.open(stage.lab, "client", SERVER, 8080, source);
  await first.reset();
  const met: string[] = [];
  for (const waitMs of scale === "full" ? [0, 300, 8_300] : [0, 300]) {
    await Bun.sleep(waitMs);
    using again = await Session.open(stage.lab, "client", SERVER, 8080, source);
    met.push(again.met);
  }
  return finding(
    first.met === "open" && met.every((one) => one === "refused"),
    `first connection ${first.met}; after its reset a new one from the same port was ${met.join(", ")}`,
  );
}

async function killedAfterGrant(): Promise<Finding> {
  await using stage = await Stage.set(webDoor(["alice"], 'open_for = "3s"'));
  await open(stage);
  const openedAt = performance.now();
  using session = await Session.open(stage.lab, "client", SERVER, 8080);
  using reset = await Session.open(stage.lab, "client", SERVER, 8080, { sourcePort: 45_001 });
  await stage.server.stop("SIGKILL");
  await reset.reset();
  while (answer(stage) === "open" && performance.now() - openedAt < 10_000) continue;
  const closedMs = performance.now() - openedAt;
  const pair = sendSegment(stage.lab, "client", { to: SERVER, port: 8080, sourcePort: 45_001 });
  const lives = await session.echo();
  return finding(
    closedMs > 2_500 && closedMs < 4_000 && pair === "refused" && lives === "echoed",
    `open for 3 s, refused after ${(closedMs / 1_000).toFixed(2)} s; port pair of a reset session ${pair}; the established one ${lives}`,
  );
}

async function killedKnockd(): Promise<Finding> {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  using knockd = await Knockd.start(lab, { openSeconds: 3 });
  lab.run("client", ["knock", SERVER, "7000", "8000", "9000"]);
  await knockd.opened();
  knockd.kill();
  await Bun.sleep(6_000);
  const left = probe(lab, "client", SERVER, 8080);
  return finding(
    left === "refused",
    `3 s door, killed with its children: after 6 s the port is ${left}`,
  );
}

async function killedFwknopd(): Promise<Finding> {
  using lab = new Lab();
  await startEcho(lab, "server", 8080);
  using fwknopd = await Fwknopd.start(lab, { openSeconds: 3 });
  fwknopd.knock("client", CLIENT);
  while (probe(lab, "client", SERVER, 8080) !== "open") await Bun.sleep(100);
  fwknopd.kill();
  await Bun.sleep(6_000);
  const left = probe(lab, "client", SERVER, 8080);
  return finding(left === "refused", `3 s access, killed: after 6 s the port is ${left}`);
}

const idleDoor = (most: string) =>
  webDoor(["alice"], `open_for = "1s"\nidle_close = "5s"\nmax_open = "${most}"`);

async function forgedSyns(): Promise<Finding> {
  await using stage = await Stage.set(idleDoor("1h"));
  await open(stage);
  using session = await Session.open(stage.lab, "client", SERVER, 8080);
  const openedAt = performance.now();
  let closedMs = Infinity;
  while (performance.now() - openedAt < 11_000) {
    sendSegment(stage.lab, "stranger", {
      to: SERVER,
      port: 8080,
      sourcePort: 46_000,
      from: CLIENT,
    });
    await Bun.sleep(1_400);
    const { out } = stage.lab.run("server", [
      "nft",
      "list",
      "set",
      "inet",
      "sallyport",
      "idle4_5s",
    ]);
    if (!out.includes(CLIENT)) {
      closedMs = performance.now() - openedAt;
      break;
    }
  }
  return finding(
    closedMs < 9_000 && session.met === "open",
    `a SYN with his address every 2 s: the idle grant of 5 s ended after ${(closedMs / 1_000).toFixed(1)} s`,
  );
}

async function cap(scale: Scale): Promise<Finding> {
  const capMs = scale === "full" ? 12_000 : 6_000;
  await using stage = await Stage.set(idleDoor(`${capMs}ms`));
  await open(stage);
  const openedAt = performance.now();
  using session = await Session.open(stage.lab, "client", SERVER, 8080);
  let lastOpenMs = 0;
  let lives = "";
  while (performance.now() - openedAt < capMs + 8_000) {
    lives = await session.echo();
    if (answer(stage) === "open") lastOpenMs = performance.now() - openedAt;
    else if (performance.now() - openedAt > capMs) break;
    await Bun.sleep(500);
  }
  return finding(
    lastOpenMs > capMs - 1_500 && lastOpenMs < capMs + 1_000 && lives === "echoed",
    `steady traffic, idle 5 s, max ${capMs / 1_000} s: new connections until ${(lastOpenMs / 1_000).toFixed(1)} s; the session ${lives}`,
  );
}

async function guardOutlives(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const answers: string[] = [];
  await stage.server.stop("SIGKILL");
  answers.push(`kill -9: ${answer(stage)}`);
  await stage.server.start();
  await stage.server.stop();
  answers.push(`stop: ${answer(stage)}`);
  stage.server.writeConfig(webDoor(["alice"], 'open_for = "soon"'));
  const start = () =>
    stage.server.start().then(
      () => "started",
      () => "no start",
    );
  const fallen = await start();
  answers.push(`bad config, ${fallen} by the files that worked last: ${answer(stage)}`);
  await stage.server.stop("SIGKILL");
  rmSync(lastConfigFile(stage.stateDir));
  const failed = await start();
  answers.push(`nothing that worked, ${failed}: ${answer(stage)}`);
  return finding(
    answers.every((one) => one.endsWith("refused")) &&
      fallen === "started" &&
      failed === "no start",
    answers.join("; "),
  );
}

/** The kernel must end the guarding by itself: the quick scale reads its promise, the full one waits for it. */
async function openAfter(scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(webDoor(["alice"], 'open_for = "2s"\nopen_after = "1m"'));
  await stage.server.stop("SIGKILL");
  const first = answer(stage);
  const { out } = stage.lab.run("server", "nft list set inet sallyport guarded".split(" "));
  const seconds = Number(/expires (\d+)s/.exec(out)?.[1]);
  if (scale === "quick") {
    return finding(
      first === "refused" && seconds <= 60,
      `dead: ${first}, and the kernel ends the guarding in ${seconds} s`,
    );
  }
  await Bun.sleep(65_000);
  const later = answer(stage);
  return finding(
    first === "refused" && later === "open",
    `1 m: dead: ${first}; 65 s later: ${later}`,
  );
}

async function renewal(): Promise<Finding> {
  const users = ["alice", "bob"];
  await using stage = await Stage.set(webDoor(users, 'open_for = "4s"'), { users });
  await open(stage);
  const openedAt = performance.now();
  await Bun.sleep(2_000);
  await open(stage, "bob");
  while (answer(stage) === "open" && performance.now() - openedAt < 10_000) await Bun.sleep(20);
  const seconds = (performance.now() - openedAt) / 1_000;
  return finding(
    seconds > 5.5 && seconds < 7.5,
    `4 s grant, knocked again after 2 s: closed after ${seconds.toFixed(2)} s`,
  );
}

export const trials: Trial[] = [
  {
    promise: "P12",
    attack: 'second connections through a grant of uses = "one"',
    play: oneConnection,
  },
  {
    promise: "P12",
    attack: 'SYNs from two processors at once through a grant of uses = "one"',
    play: racedConnection,
  },
  { promise: "P12", attack: "the port pair of a reset connection again", play: portsAgain },
  {
    promise: "P13",
    attack: "kill -9 right after a grant",
    play: killedAfterGrant,
    peers: { knockd: killedKnockd, fwknopd: killedFwknopd },
  },
  { promise: "P13", attack: "forged SYNs against idle_close", play: forgedSyns },
  { promise: "P13", attack: "steady traffic against max_open", play: cap },
  {
    promise: "P14",
    attack: "kill -9, stop, start with a bad config, with and without one that worked",
    play: guardOutlives,
  },
  {
    promise: "P14",
    attack: "a daemon that stays dead, with open_after",
    play: openAfter,
  },
];

export const renewalTrials: Trial[] = [
  { promise: "P19", attack: "a second knock at half-life", play: renewal },
];
