/**
 * P34: a reader of the log that stops, goes away or has no room holds up no door, no repair and no
 * stop.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../support/executable.ts";
import { probe } from "../support/service.ts";
import { CLIENT, SERVER, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

/** A stop takes no longer, including the start of the signal's own process. */
const STOP_MS = 2_000;

/** Becomes the daemon with another standard output and error; "journal" is a socket, as systemd hands one over. */
const LAUNCHER = `
import os, socket, sys, time
kind, argv = sys.argv[1], sys.argv[2:]
if kind == "full": end = os.open("/dev/full", os.O_WRONLY)
else:
    if kind == "journal": reader, end = (s.detach() for s in socket.socketpair())
    else: reader, end = os.pipe()
    if kind != "gone" and os.fork() == 0:
        os.close(end)
        time.sleep(600)
    os.close(reader)
if kind == "journal":
    s = os.fstat(end)
    os.environ["JOURNAL_STREAM"] = f"{s.st_dev}:{s.st_ino}"
os.dup2(end, 1); os.dup2(end, 2); os.close(end)
os.execv(argv[0], argv)
`;

async function ready(stage: Stage): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const answer = await stage.server.control("/readyz").catch(() => undefined);
    if (answer?.status === 200) return;
    await Bun.sleep(25);
  }
  throw new Error("the daemon was not ready in 10 s");
}

/** Opens by hand until the log exceeds a pipe and our own buffer. */
async function chatter(stage: Stage, openings: number): Promise<void> {
  for (let i = 0; i < openings; i += 32) {
    await Promise.all(
      Array.from({ length: 32 }, (_, j) =>
        stage.server.control("/v1/doors/web/grants", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ address: `10.99.${(i + j) >>> 8}.${(i + j) & 0xff}`, for: "1h" }),
        }),
      ),
    );
  }
}

async function holdUp(kind: string, scale: Scale): Promise<Finding> {
  await using stage = await Stage.set(webDoor(), { start: false });
  const serve = [EXECUTABLE, "serve", "--config", stage.server.config];
  const child = stage.lab.start("server", ["python3", "-c", LAUNCHER, kind, ...serve]);
  await ready(stage);
  await chatter(stage, scale === "quick" ? 5_120 : 10_240);
  const { logLinesDropped: dropped = 0 } = await stage.counters();
  await stage.roomInSlot(5_000);
  await stage.wire.knock("client", stage.knocks(CLIENT));
  const opened = probe(stage.lab, "client", SERVER, 8080);
  stage.lab.run("server", ["nft", "flush ruleset"]);
  let repaired = "no";
  for (let i = 0; i < 100 && repaired === "no"; i++) {
    if (probe(stage.lab, "stranger", SERVER, 8080) === "refused") repaired = "yes";
  }
  const began = performance.now();
  child.kill("SIGTERM");
  await Promise.race([child.exited, Bun.sleep(10_000)]);
  const ms = performance.now() - began;
  const marker = existsSync(join(stage.stateDir, "clean-stop"));
  return finding(
    dropped > 0 &&
      opened === "open" &&
      repaired === "yes" &&
      child.exitCode === 0 &&
      ms < STOP_MS &&
      marker,
    `${dropped} lines dropped and counted, the door ${opened}, the guard repaired: ${repaired}; ` +
      (child.exitCode === null
        ? `not stopped after ${(ms / 1_000).toFixed(0)} s`
        : `stopped after ${Math.round(ms)} ms with ${child.exitCode}, its marker ${marker ? "written" : "missing"}`),
  );
}

const KINDS: Record<string, string> = {
  "a log that nobody reads": "stalled",
  "a log whose reader went away": "gone",
  "a log on a full disk": "full",
  "a journal that stalls": "journal",
};

export const trials: Trial[] = Object.entries(KINDS).map(([attack, kind]) => ({
  promise: "P34",
  attack,
  play: (scale) => holdUp(kind, scale),
}));
