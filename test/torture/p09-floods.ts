/**
 * P9, P10 and P24: forged floods harm nobody, a racing eavesdropper gains at most one grant,
 * overload is reported.
 */

import { readFileSync } from "node:fs";
import { Lab } from "../support/lab.ts";
import { run } from "../support/programs.ts";
import { sendKnocks } from "../support/knocks.ts";
import { randomFrom } from "../support/random.ts";
import { Fwknopd, Knockd } from "../support/peers.ts";
import { CLIENT, SERVER, SERVER6, Stage, STRANGER, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";
import { forgedFrames, knocksFrom, Wire } from "./wire.ts";

const RANGE = [20_000, 52_767] as const;

function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1];
  return Number(kib) / 1_024;
}

/** So that forged addresses from anywhere have a way back, as on the Internet. */
function routeEverywhere(lab: Lab): void {
  lab.run("server", ["ip", "route", "add", "default", "via", STRANGER]);
  lab.run("server", ["ip", "-6", "route", "add", "default", "via", "fd77::3"]);
}

async function knockRealClient(stage: Stage, user: string): Promise<string> {
  const { out, err } = stage.server.knock("client", stage.server.link(user, "web"), "--json");
  if (out === "") return err.trim();
  const { state, attempts } = JSON.parse(out) as { state: string; attempts: number };
  const heard = (await stage.grants()).some((grant) => grant.user === user);
  return heard && state === "open" ? `open at try ${attempts}` : state;
}

/** Junk from the victim's address, while he holds a grant and then knocks again. */
async function victim(scale: Scale): Promise<Finding> {
  const users = ["alice", "bob"];
  await using stage = await Stage.set(webDoor(users, 'open_for = "1m"'), { users });
  const mine = Array.from({ length: 20_000 }, (_, i) => {
    return stage.wire.frame({ from: CLIENT, to: SERVER, port: RANGE[0] + ((i * 7_919) % 32_768) });
  });
  await stage.roomInSlot(8_000);
  const first = await knockRealClient(stage, "alice");
  const [grant] = await stage.grants();
  const perSecond = 5_000;
  const seconds = scale === "full" ? 10 : 2;
  await stage.wire.send("stranger", mine, { count: perSecond * seconds, perSecond });
  const [later] = await stage.grants();
  const moved = Math.abs((later?.expiresMs ?? 0) - (grant?.expiresMs ?? 0));
  const flood = stage.wire.start("stranger", mine, { count: 1e9, perSecond });
  await Bun.sleep(300);
  stage.server.command("close", "web", CLIENT);
  const second = await knockRealClient(stage, "bob");
  flood.stop();
  await flood.sent;
  return finding(
    first.startsWith("open") && second.startsWith("open") && moved < 100,
    `${perSecond} forged packets a second: his grant's end moved by ${Math.round(moved)} ms, his next knock: ${second}`,
  );
}

/** Random sources as fast as the machine sends; a knock of the other family in the middle, in two halves. */
async function floodOf(family: 4 | 6, scale: Scale): Promise<Finding> {
  const users = ["alice", "bob", "carol"];
  await using stage = await Stage.set(webDoor(users, 'open_for = "5m"'), { users });
  routeEverywhere(stage.lab);
  const count = scale === "full" ? 1_000_000 : 200_000;
  const random = randomFrom(family);
  const template = stage.wire.frame({
    from: family === 4 ? "198.18.0.1" : "2001:db8::1",
    to: family === 4 ? SERVER : SERVER6,
    port: 20_000,
  });
  const randomBits = family === 4 ? 32 : 64;
  const frames = forgedFrames(template, count, { randomBits, ports: RANGE, random });
  await stage.roomInSlot(scale === "full" ? 25_000 : 8_000);
  await knockRealClient(stage, "alice");
  const [grant] = await stage.grants();
  const before = residentMiB(stage.server.pid);
  const otherFamily = stage.knocks(family === 4 ? "fd77::2" : CLIENT, "bob");
  const flood = stage.wire.start("stranger", frames, { count });
  await Bun.sleep(500);
  await stage.wire.knock("client", otherFamily.slice(0, 4));
  await Bun.sleep(1_000);
  await stage.wire.knock("client", otherFamily.slice(4));
  const { sent, seconds } = await flood.sent;
  await stage.settled();
  const grown = residentMiB(stage.server.pid) - before;
  const bob = (await stage.grants()).some(({ user }) => user === "bob");
  const kept = (await stage.grants()).some(({ id }) => id === grant?.id);
  stage.server.command("close", "web", CLIENT);
  const next = await knockRealClient(stage, "carol");
  const { captureDrops = 0 } = await stage.counters();
  return finding(
    kept && bob && next === "open at try 1" && grown < 64,
    `${sent} sources at ${Math.round(sent / seconds)} a second, ${captureDrops} dropped: grant kept ${kept}, ` +
      `IPv${family === 4 ? 6 : 4} knock in two halves in the middle opened ${bob}, next knock ${next}, memory +${grown.toFixed(0)} MiB`,
  );
}

async function victimKnockd(): Promise<Finding> {
  using lab = new Lab();
  const wire = new Wire(lab);
  using knockd = await Knockd.start(lab, { openSeconds: 1 });
  const junk = [wire.frame({ from: CLIENT, to: SERVER, port: 9_000 })];
  const flood = wire.start("stranger", junk, { count: 1e9, perSecond: 5_000 });
  await Bun.sleep(300);
  for (let i = 0; i < 20; i++) lab.run("client", ["knock", SERVER, "7000", "8000", "9000"]);
  flood.stop();
  await flood.sent;
  const opened = (await knockd.opened()).length;
  return finding(
    opened >= 19,
    `5,000 forged packets a second with his address: ${opened} of 20 knocks opened`,
  );
}

async function floodFwknopd(): Promise<Finding> {
  using lab = new Lab();
  const wire = new Wire(lab);
  routeEverywhere(lab);
  using fwknopd = await Fwknopd.start(lab);
  const junk = Array.from({ length: 4_096 }, (_, i) => {
    return wire.frame({
      from: `198.18.${i >> 8}.${i & 255}`,
      to: SERVER,
      port: 62_201,
      proto: "udp",
    });
  });
  const flood = wire.start("stranger", junk, { count: 1e9 });
  await Bun.sleep(300);
  for (let i = 0; i < 20; i++) fwknopd.knock("client", `10.77.70.${i + 1}`);
  flood.stop();
  await flood.sent;
  await Bun.sleep(2_000);
  const opened = new Set(fwknopd.opened()).size;
  return finding(
    opened >= 19,
    `datagrams to its port at full speed: ${opened} of 20 knocks opened`,
  );
}

/** Sends a copy of every SYN of the client, from the stranger's own address, the moment it is seen. */
const RACER = `
import socket, struct, sys
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
tap.bind(("eth0", 0))
print("ready", flush=True)
client = socket.inet_aton("${CLIENT}")
while True:
    frame = tap.recv(2048)
    if frame[23] != 6 or frame[26:30] != client: continue
    port = struct.unpack("!H", frame[36:38])[0]
    if port < 20000 or frame[47] != 2: continue
    s = socket.socket(); s.setblocking(False); s.connect_ex(("${SERVER}", port)); s.close()
`;

/** Makes the bridge repeat every frame to everybody, as a hub or an open radio does. */
function makeHub(lab: Lab): void {
  const wire = lab.namespace("server").replace(/server$/, "wire");
  for (const port of ["w0", "w1", "w2"]) {
    run(["ip", "netns", "exec", wire, "bridge", "link", "set", "dev", port, "learning", "off"]);
  }
  run(["ip", "-n", wire, "link", "set", "bridge0", "type", "bridge", "ageing_time", "0"]);
}

async function race(scale: Scale): Promise<Finding> {
  const count = scale === "full" ? 200 : 20;
  const users = Array.from({ length: count }, (_, i) => `user${i}`);
  await using stage = await Stage.set(webDoor(users), { users });
  makeHub(stage.lab);
  const racer = stage.lab.start("stranger", ["python3", "-c", RACER]);
  const ready = racer.stdout.getReader();
  await ready.read();
  await stage.roomInSlot(20_000);
  for (const user of users) await stage.wire.knock("client", stage.knocks(CLIENT, user), 2_000);
  await stage.settled();
  const lines = stage.server.log.split("\n");
  const opened = (user: string, address: string) =>
    lines
      .filter((line) => /(Opened|Renewed) web/.test(line) && line.includes(`to ${address} `))
      .filter((line) => line.includes(`by ${user}/`)).length;
  const mine = users.map((user) => opened(user, CLIENT));
  const his = users.map((user) => opened(user, STRANGER));
  const most = Math.max(...users.map((_, i) => mine[i]! + his[i]!));
  const alarms = users.map((user) => {
    const own = lines.filter((line) => line.includes("Refused") && line.includes(`of ${user}/`));
    return own.filter((line) => line.includes(CLIENT) && line.includes(STRANGER)).length;
  });
  const won = his.filter((n) => n > 0).length;
  const told = alarms.filter((n) => n === 1).length;
  return finding(
    most === 1 && told === count,
    `${count} knocks copied as they are seen: at most ${most} grant a slot, the racer won ${won}; ${told} alarms name both addresses, most for one knock ${Math.max(...alarms)}`,
  );
}

async function alarmFlood(scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  await stage.roomInSlot(6_000);
  const used = stage.knocks(CLIENT);
  await stage.wire.knock("client", used);
  const sources = scale === "full" ? 5_000 : 500;
  const copies = Array.from({ length: sources }, (_, i) =>
    knocksFrom(`10.77.${64 + (i >> 8)}.${i & 255}`, used),
  );
  await stage.wire.knock("stranger", copies.flat(), 50_000);
  await stage.settled();
  const alarms = stage.logged(/Refused/);
  return finding(alarms === 1, `replayed from ${sources} forged addresses: ${alarms} alarm`);
}

/** The daemon is stopped while a flood comes in: it must report the loss. */
async function dropsTold(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const junk = Array.from({ length: 4_096 }, (_, i) =>
    stage.wire.frame({ from: STRANGER, to: SERVER, port: RANGE[0] + i }),
  );
  const from = stage.server.log.length;
  stage.server.signal("SIGSTOP");
  const { sent } = await stage.wire.send("stranger", junk, { count: 150_000 });
  stage.server.signal("SIGCONT");
  await stage.server.waitForLog(/dropped \d+/, from);
  const red = await stage.reasons();
  const { captureDrops = 0 } = await stage.counters();
  await stage.server.waitForLog(/No packet is dropped any more/, from);
  const green = await stage.reasons();
  return finding(
    captureDrops > 0 && red.length > 0 && green.length === 0,
    `${sent} packets while it was stopped: ${captureDrops} drops counted, readiness ${red.join(", ") || "green"}, then ${green.join(", ") || "green"}`,
  );
}

async function interfaceGone(): Promise<Finding> {
  await using stage = await Stage.set(webDoor(), { interfaces: ["eth0", "eth1"], start: false });
  const { lab, server } = stage;
  const make = () => {
    const [near, far] = [lab.namespace("server"), lab.namespace("stranger")];
    const peer = ["type", "veth", "peer", "eth1", "netns", far];
    run(["ip", "-n", near, "link", "add", "eth1", ...peer]);
    for (const [host, address] of [
      ["server", "10.99.0.1/24"],
      ["stranger", "10.99.0.2/24"],
    ] as const) {
      lab.addAddress(host, "eth1", address);
      run(["ip", "-n", lab.namespace(host), "link", "set", "eth1", "up"]);
    }
  };
  make();
  await server.start();
  const before = await stage.reasons();
  run(["ip", "-n", lab.namespace("server"), "link", "delete", "eth1"]);
  const red = await stage.awaitReasons((codes) => codes.includes("capture"));
  const from = server.log.length;
  const madeAt = performance.now();
  make();
  await server.waitForLog(/Listening on .*eth1/, from);
  const backMs = performance.now() - madeAt;
  await stage.roomInSlot(2_000);
  sendKnocks(
    lab,
    "stranger",
    stage.ports().map((port) => ({ to: "10.99.0.1", port })),
  );
  await stage.settled();
  const opened = (await stage.grants()).some(({ address }) => address === "10.99.0.2");
  const after = await stage.reasons();
  return finding(
    before.length === 0 && red.includes("capture") && after.length === 0 && opened,
    `deleted: readiness ${red.join(", ") || "green"}; made again: captured after ${backMs.toFixed(0)} ms, a knock through it opened ${opened}, readiness ${after.join(", ") || "green"}`,
  );
}

export const trials: Trial[] = [
  {
    promise: "P9",
    attack: "junk with the victim's address",
    play: victim,
    peers: { knockd: victimKnockd, fwknopd: floodFwknopd },
  },
  {
    promise: "P9",
    attack: "random IPv4 sources at full speed",
    play: (scale) => floodOf(4, scale),
  },
  {
    promise: "P9",
    attack: "all of one IPv6 /64 at full speed",
    play: (scale) => floodOf(6, scale),
  },
  { promise: "P10", attack: "a second host copies each knock as it sees it", play: race },
  { promise: "P10", attack: "a used knock from many forged addresses", play: alarmFlood },
];

export const overloadTrials: Trial[] = [
  { promise: "P24", attack: "more packets than the stopped daemon can take", play: dropsTold },
  { promise: "P24", attack: "an interface deleted and made again", play: interfaceGone },
];
