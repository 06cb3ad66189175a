/** P28: broken files and a crash, or a reload with another meaning, lock nobody out. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENT, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Trial } from "./trial.ts";

const BROKEN = {
  "a word that is no TOML": (text: string) => `${text}\nusers = alice\n`,
  "an unknown key": (text: string) => `${text}\nopen_fro = "30s"\n`,
  "half of it": (text: string) => text.slice(0, text.length / 2),
} as const;

/** Opens by knocks, with one slot's room. */
async function opens(stage: Stage): Promise<boolean> {
  const from = stage.server.log.length;
  await stage.roomInSlot(3_000);
  await stage.wire.knock("client", stage.knocks(CLIENT));
  await stage.server.waitForLog(/Opened web/, from);
  return true;
}

async function brokenFile(name: string, spoil: (text: string) => string): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const { server } = stage;
  const file = name === "config.toml" ? server.config : join(stage.stateDir, name);
  const good = readFileSync(file, "utf8");
  writeFileSync(file, spoil(good));
  await server.stop("SIGKILL");
  await server.start();
  const opened = await opens(stage);
  const ready = (await (await server.control("/readyz")).json()) as {
    reasons: { place?: string }[];
  };
  const place = ready.reasons.map((reason) => reason.place).join();
  const told = server.command("status").out.includes("the files that worked last are in force");
  writeFileSync(file, good);
  const mended = server.command("reload");
  const held =
    opened &&
    told &&
    new RegExp(`^${name}:\\d+$`).test(place) &&
    mended.code === 0 &&
    server.command("status").code === 0;
  return finding(
    held,
    `after kill -9 and a start it ${opened ? "opened" : "stayed shut"}; /readyz named ${place}; reload of the mended file: exit ${mended.code}`,
  );
}

/** The copy of the keys must not bring back removed ones. */
async function removedKey(): Promise<Finding> {
  await using stage = await Stage.set(webDoor(["alice", "bob"]), { users: ["alice", "bob"] });
  const { server } = stage;
  await server.stop("SIGKILL");
  const removed = server.command("user", "remove", "bob", "--yes");
  const keys = join(stage.stateDir, "keys.toml");
  writeFileSync(keys, `${readFileSync(keys, "utf8")}broken`);
  await server.start();
  const from = server.log.length;
  await stage.roomInSlot(3_000);
  await stage.wire.knock("client", stage.knocks(CLIENT, "bob"));
  // Matched after the other, so that it is decided once this one opened.
  await opens(stage);
  const bob = server.log.slice(from).includes("bob");
  return finding(
    removed.code === 0 && !bob,
    `user remove: exit ${removed.code}; after a start with broken keys the removed one ${bob ? "opened" : "opened nothing"}`,
  );
}

/** Changes that make every link of the only door void, or name somebody who has no key. */
const LOCKOUTS: Readonly<Record<string, string>> = {
  "a user without a key": webDoor(["carol"]),
  "another range": webDoor(["alice"], 'range = "30000-50000"'),
  "another number of ports": webDoor(["alice"], "ports = 9"),
  "another step": webDoor(["alice"], 'step = "60s"'),
  "another protocol": webDoor(["alice"], 'proto = "udp"'),
  "another name of the door": webDoor().replace("web", "site"),
};

/** Each by command and by SIGHUP; whoever can open the door can do so afterwards. */
async function lockout(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const { server } = stage;
  const wrong: string[] = [];
  for (const [what, config] of Object.entries(LOCKOUTS)) {
    server.writeConfig(config);
    const { code, err } = server.command("reload");
    const told = err.includes("alice will not be able to open web");
    const from = server.log.length;
    server.signal("SIGHUP");
    await server.waitForLog(/Reload refused|Reloaded/, from);
    const kept = server.log.slice(from).includes("Reload refused");
    if (code === 0 || !told || !kept) wrong.push(`${what}: exit ${code}`);
  }
  const opened = await opens(stage);
  server.writeConfig(LOCKOUTS["another step"]!);
  const from = server.log.length;
  const armed = server.command("reload", "--arm", "5s").code;
  await server.waitForLog(/Nobody confirmed the last reload in time/, from);
  const back = (await (await server.control("/v1/status")).json()) as { ready: boolean };
  return finding(
    wrong.length === 0 && opened && armed === 0 && back.ready,
    `${Object.keys(LOCKOUTS).length - wrong.length} of ${Object.keys(LOCKOUTS).length} refused by command and by SIGHUP, naming whom they cut off; the old link opened; on probation the old terms came back${wrong.map((one) => `; ${one}`).join("")}`,
  );
}

export const trials: readonly Trial[] = [
  {
    promise: "P28",
    attack: "reload of changes that cut everybody off, with and without a probation",
    play: lockout,
  },
  ...Object.entries(BROKEN).map(([what, spoil]): Trial => ({
    promise: "P28",
    attack: `config.toml with ${what}, then kill -9 and a start`,
    play: () => brokenFile("config.toml", spoil),
  })),
  {
    promise: "P28",
    attack: "keys.toml cut in half, then kill -9 and a start",
    play: () => brokenFile("keys.toml", (text) => text.slice(0, -60)),
  },
  {
    promise: "P28",
    attack: "a key removed, then keys.toml broken: the copy does not bring it back",
    play: removedKey,
  },
];
