/**
 * P26: the commands of doors get their arguments and nothing else, and a close command runs exactly
 * once.
 */

import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENT, Stage, STRANGER, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

/** Records its input; the last line shows that the record is complete. */
const WITNESS = `#!/bin/sh
{ for word in "$@"; do echo "arg $word"; done
  env | sed 's/^/env /'
  ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> /fd \\1 /p'
  sed -n 's/^Cap/cap Cap/p' /proc/self/status
  echo complete; } > "$0.seen"
`;

async function settled(file: string, pattern: RegExp): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    if (pattern.test(text)) return text;
    await Bun.sleep(25);
  }
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

async function surroundings(): Promise<Finding> {
  await using stage = await Stage.set(webDoor(), { start: false });
  const script = join(stage.server.dir, "witness");
  writeFileSync(script, WITNESS);
  chmodSync(script, 0o755);
  const argv = [
    script,
    "{address}",
    "{user}/{device}",
    "; touch pwned",
    "$(id)",
    "{door} {family}",
  ];
  stage.server.writeConfig(webDoor(["alice"], `run = { open = ${JSON.stringify(argv)} }`));
  await stage.server.start();
  await stage.roomInSlot(2_000);
  await stage.wire.knock("client", stage.knocks(CLIENT));
  const seen = (await settled(`${script}.seen`, /complete/)).split("\n");
  const of = (kind: string) =>
    seen.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
  const args = of("arg").join("|");
  const literal = args === `${CLIENT}|alice/default|; touch pwned|$(id)|web 4`;
  const env = of("env")
    .map((line) => line.split("=")[0]!)
    .filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name));
  const clean = env.every((name) => ["PATH", "LANG"].includes(name));
  // 0 to 2 are /dev/null or the script's own; ls itself holds the folder it lists.
  const fds = of("fd").filter((line) => !/^[012] /.test(line) && !line.includes("/proc/"));
  const powers = of("cap").filter(
    (line) => /^Cap(Inh|Prm|Eff|Amb):/.test(line) && !/\t0+$/.test(line),
  );
  return finding(
    literal && clean && fds.length === 0 && powers.length === 0,
    `arguments literal ${literal}; environment ${env.join(" ") || "empty"}; descriptors inherited ${fds.length}; capabilities ${powers.map((line) => line.replace(/\s+/, " ")).join(", ") || "none"}`,
  );
}

/** alice's command never ends; bob's must run all the same. The full scale waits for the limit of 30 s too. */
async function timeLimit(scale: Scale): Promise<Finding> {
  const users = ["alice", "bob"];
  await using stage = await Stage.set(webDoor(users), { users, start: false });
  const ran = join(stage.server.dir, "ran");
  const script = '[ "$1" = alice ] && exec sleep 300; echo "$1" > "$2"';
  const argv = JSON.stringify(["/bin/sh", "-c", script, "sh", "{user}", ran]);
  stage.server.writeConfig(webDoor(users, `run = { open = ${argv} }`));
  await stage.server.start();
  await stage.roomInSlot(2_000);
  await stage.wire.knock("client", stage.knocks(CLIENT));
  await stage.server.waitForLog(/Opened web/);
  const began = performance.now();
  await stage.wire.knock("stranger", stage.knocks(STRANGER, "bob"));
  const other = (await settled(ran, /bob/)).trim();
  if (scale === "quick") return finding(other === "bob", `beside it, the command of ${other} ran`);
  const ended = /sh for web.*ended by/;
  while (!ended.test(stage.server.log) && performance.now() - began < 45_000) await Bun.sleep(100);
  const seconds = (performance.now() - began) / 1_000;
  const told = ended.test(stage.server.log);
  return finding(
    other === "bob" && told,
    `beside it, the command of ${other} ran; it ${told ? `was ended after ${seconds.toFixed(0)} s` : "still runs"}`,
  );
}

/** Opens, lets `harm` happen while the grant lives, and counts how often the close command ran. */
async function closesOnce(harm: (stage: Stage) => Promise<void>): Promise<Finding> {
  await using stage = await Stage.set(webDoor(), { start: false });
  const script = join(stage.server.dir, "closer");
  const ran = `${script}.ran`;
  writeFileSync(script, `#!/bin/sh\necho "$1 $2" >> "$0.ran"\n`);
  chmodSync(script, 0o755);
  const command = (verb: string) => JSON.stringify([script, verb, "{address}"]);
  stage.server.writeConfig(
    webDoor(
      ["alice"],
      `open_for = "3s"\nrun = { open = ${command("open")}, close = ${command("close")} }`,
    ),
  );
  await stage.server.start();
  await stage.roomInSlot(6_000);
  await stage.wire.knock("client", stage.knocks(CLIENT));
  await stage.server.waitForLog(/Opened web/);
  await settled(ran, /open/);
  await harm(stage);
  await settled(ran, /close/);
  await Bun.sleep(500);
  const lines = readFileSync(ran, "utf8").split("\n").filter(Boolean);
  const opens = lines.filter((line) => line === `open ${CLIENT}`).length;
  const closes = lines.filter((line) => line === `close ${CLIENT}`).length;
  return finding(opens === 1 && closes === 1, `open ran ${opens} time, close ${closes} time`);
}

const reload = async (stage: Stage) => {
  const from = stage.server.log.length;
  stage.server.signal("SIGHUP");
  await stage.server.waitForLog(/Reloaded/, from);
};

const restart = async (stage: Stage, signal: "SIGTERM" | "SIGKILL", downMs = 0) => {
  await stage.server.stop(signal);
  await Bun.sleep(downMs);
  await stage.server.start();
};

export const trials: Trial[] = [
  {
    promise: "P26",
    attack: "arguments that a shell would obey, and what a command inherits",
    play: surroundings,
  },
  {
    promise: "P26",
    attack: "a command that does not end",
    play: timeLimit,
  },
  {
    promise: "P26",
    attack: "reload while a close command is owed",
    play: () => closesOnce(reload),
  },
  {
    promise: "P26",
    attack: "restart while a close command is owed",
    play: () => closesOnce((stage) => restart(stage, "SIGTERM")),
  },
  {
    promise: "P26",
    attack: "kill -9 while a close command is owed",
    play: () => closesOnce((stage) => restart(stage, "SIGKILL")),
  },
  {
    promise: "P26",
    attack: "kill -9, and the grant ends before the next start",
    play: () => closesOnce((stage) => restart(stage, "SIGKILL", 4_000)),
  },
];
