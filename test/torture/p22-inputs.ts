/** P22, P23 and P25: frames, secrets and configurations that are meant to break something. */

import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBase32 } from "../../src/rks/base32.ts";
import { parseKeys } from "../../src/keys/keys.ts";
import { EXECUTABLE } from "../support/executable.ts";
import { fuzzCaptures } from "../support/fuzz-captures.ts";
import { fuzzDecode } from "../support/fuzz-decode.ts";
import { run } from "../support/programs.ts";
import { brokenConfigs } from "./broken-configs.ts";
import { CLIENT, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

async function mutatedFrames(scale: Scale): Promise<Finding> {
  const count = scale === "full" ? 10_000_000 : 50_000;
  const round = Math.min(count, 500_000);
  let knocks = fuzzDecode(round, 1).knocks; // and warms up
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  for (let done = round; done < count; done += round) knocks += fuzzDecode(round, 1 + done).knocks;
  Bun.gc(true);
  const grown = (process.memoryUsage.rss() - before) / 1_048_576;
  return finding(
    knocks > 0 && grown < 64,
    `${count} frames of every link type, ${knocks} of them knocks: no difference from the reference, none read past its end, memory ${grown >= 0 ? "+" : ""}${grown.toFixed(0)} MiB`,
  );
}

async function mutatedCaptures(scale: Scale): Promise<Finding> {
  const count = scale === "full" ? 100_000 : 5_000;
  const round = Math.min(count, 10_000);
  let { read, refused } = fuzzCaptures(round, 1); // and warms up
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  for (let done = round; done < count; done += round) {
    const more = fuzzCaptures(round, 1 + done);
    read += more.read;
    refused += more.refused;
  }
  Bun.gc(true);
  const grown = (process.memoryUsage.rss() - before) / 1_048_576;
  return finding(
    read > 0 && refused > 0 && grown < 64,
    `${count} files: ${read} read, ${refused} refused in one sentence, no frame beyond its file, memory ${grown >= 0 ? "+" : ""}${grown.toFixed(0)} MiB`,
  );
}

/** Every way a key could be written down: base32 in both cases, hexadecimal, base64. */
function spellings(key: Uint8Array): string[] {
  const base32 = encodeBase32(key);
  return [
    base32,
    base32.toLowerCase(),
    Buffer.from(key).toString("hex"),
    Buffer.from(key).toString("base64"),
  ];
}

async function canary(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const { server } = stage;
  const keysFile = join(stage.stateDir, "keys.toml");
  const good = readFileSync(keysFile, "utf8");
  const secrets = spellings(parseKeys(good)[0]!.key);
  let heard = "";
  let commands = 0;
  const say = (argv: string[], input?: string) => {
    const options = input === undefined ? { mayFail: true } : { mayFail: true, input };
    const { out, err } = run([EXECUTABLE, ...argv], options);
    heard += out + err;
    commands++;
  };
  const config = ["--config", server.config];
  const link = server.link("alice", "web");
  const all = () => {
    for (const one of [
      "status",
      "grants",
      "check",
      "user list",
      "user add alice",
      "user remove bob",
      "firewall show",
      "log",
      "doctor",
      `why ${CLIENT}`,
      "open web 10.77.0.9",
      "close web 10.77.0.9",
      "reload",
    ]) {
      say([...one.split(" "), ...config]);
      say([...one.split(" "), ...config, "--json"]);
    }
  };
  all();
  await stage.wire.knock("client", stage.knocks(CLIENT));
  await stage.settled();
  for (const broken of [
    `${link}&n=99`,
    link.replace("key=", "key=!"),
    `${link} `,
    link.replace("rks1", "rks9"),
    link.replace("&", "&n=2&"),
  ]) {
    say(["knock", "-"], `${broken}\n`);
    say(["knock", "--save", "canary", "-"], `${broken}\n`);
  }
  for (const [path, init] of [
    ["/v1/status", {}],
    ["/v1/grants", {}],
    ["/v1/doors", {}],
    ["/metrics", {}],
    ["/openapi.json", {}],
    [`/v1/${secrets[0]}`, {}],
    ["/v1/doors/web/grants", { method: "POST", body: JSON.stringify({ address: link }) }],
    [
      "/v1/doors/web/grants",
      { method: "POST", body: `{"address":"1.2.3.4","key":"${secrets[0]}"}` },
    ],
    [`/v1/grants/${encodeURIComponent(link)}`, { method: "DELETE" }],
  ] as const) {
    const answer = await server.control(path, init);
    heard += (await answer.text()) + [...answer.headers].join();
    commands++;
  }
  for (const damaged of [
    good.replace('key = "', 'key = "A'),
    good.slice(0, -4),
    good.replace("[", ""),
    `${good}\nnoise = "${secrets[0]}"`,
    good + good.replace("alice", "bob"),
  ]) {
    writeFileSync(keysFile, damaged, { mode: 0o600 });
    all();
    server.signal("SIGHUP");
    await Bun.sleep(50);
  }
  server.writeConfig(
    webDoor(["alice"], `open_for = "${secrets[0]}"`).replace(
      "[door.web]",
      `key = "${secrets[1]}"\n[door.web]`,
    ),
  );
  const beforeMisplaced = heard.length;
  all();
  const misplaced = heard.slice(beforeMisplaced);
  server.signal("SIGABRT");
  await Bun.sleep(300);
  heard += server.log;
  const shown = secrets.filter((secret) => heard.includes(secret)).length;
  return finding(
    shown === 0 && commands > 100,
    `${commands} commands and requests, ${heard.length} characters read (${misplaced.length} about a key in config.toml): seen ${shown} times`,
  );
}

async function looseKeys(): Promise<Finding> {
  await using stage = await Stage.set(webDoor(), { start: false });
  const file = join(stage.stateDir, "keys.toml");
  const codes: string[] = [];
  const judge = (what: string) => {
    const { code, err } = stage.server.command("check");
    codes.push(`${what}: ${code}`);
    return code === 78 && err.includes("keys.toml");
  };
  const held = [0o644, 0o640, 0o604].every((mode) => {
    chmodSync(file, mode);
    return judge(mode.toString(8));
  });
  chmodSync(file, 0o600);
  chownSync(file, 65_534, 65_534);
  const owner = judge("owner nobody");
  chownSync(file, 0, 0);
  const good = stage.server.command("check").code;
  return finding(held && owner && good === 0, `${codes.join(", ")}; right again: ${good}`);
}

async function badConfigs(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const good = readFileSync(stage.server.config, "utf8");
  const configs = brokenConfigs(good);
  const wrong: string[] = [];
  for (const { what, text } of configs) {
    writeFileSync(stage.server.config, text);
    const { code, err } = run([EXECUTABLE, "check", "--config", stage.server.config], {
      mayFail: true,
    });
    const line = err.split("\n").find((one) => /config\.toml:\d+|line \d+/.test(one));
    const remedy =
      line !== undefined && /: [^:]+$|write|take|use|name|choose|put|raise|give/.test(line);
    if (code !== 78 || line === undefined || !remedy || /\n\s+at /.test(err)) {
      wrong.push(`${what} (exit ${code}: ${err.trim().split("\n").at(-1)})`);
    }
  }
  const from = stage.server.log.length;
  writeFileSync(stage.server.config, configs[0]!.text);
  stage.server.signal("SIGHUP");
  await stage.server.waitForLog(/Reload refused/, from);
  await stage.roomInSlot(2_000);
  await stage.wire.knock("client", stage.knocks(CLIENT));
  await stage.settled();
  const opened = (await stage.grants()).length === 1;
  return finding(
    wrong.length === 0 && opened && configs.length >= 100,
    `${configs.length} broken configurations: ${configs.length - wrong.length} refused with line and remedy${wrong.length > 0 ? `, not: ${wrong.join("; ")}` : ""}; the running daemon still opened ${opened}`,
  );
}

export const trials: Trial[] = [
  { promise: "P22", attack: "mutated frames on every link type", play: mutatedFrames },
  { promise: "P22", attack: "mutated .pcap and pcapng files", play: mutatedCaptures },
  {
    promise: "P23",
    attack: "a canary key through every command, error, request and a crash",
    play: canary,
  },
  { promise: "P23", attack: "key files of wrong mode and owner", play: looseKeys },
];

export const configTrials: Trial[] = [
  { promise: "P25", attack: "100 broken configurations", play: badConfigs },
];
