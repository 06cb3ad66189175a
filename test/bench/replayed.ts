/** The capture of an hour on a stage: its addresses and ports, and the process that puts it on the wire. */

import { spawn } from "../support/programs.ts";
import type { HourOptions } from "./hour.ts";
import { AS_SENDER } from "./processors.ts";
import { SERVER, type Sent, type Stage } from "./stage.ts";

const REPLAY = new URL("load/replay.ts", import.meta.url).pathname;

/** The destination of an hour on a stage, whose sallyport has the default range. */
export const STAGE_HOUR: Omit<HourOptions, "seconds" | "seed"> = {
  server4: SERVER,
  server6: "fd77::1",
  range: [20_000, 52_767],
  strayPorts: [10_000, 10_002, 10_001],
  strayDatagramPort: 62_201,
};

/** Sends the frames of `file` from the client's side, `speed` times as fast as they were taken. */
export function startReplay(stage: Stage, file: string, speed: number): Promise<Sent> {
  const mac = stage.frame({ from: "11.0.0.1", port: 1 }).slice(0, 6).toHex();
  const inNamespace = ["ip", "netns", "exec", stage.lab.namespace("client")];
  const argv = [process.execPath, REPLAY, "eth0", file, String(speed), mac];
  const child = spawn([...inNamespace, ...AS_SENDER, ...argv], {
    stdout: "pipe",
    stderr: "pipe",
  });
  return new Response(child.stdout).text().then(async (out) => {
    if (out !== "") return JSON.parse(out) as Sent;
    throw new Error(`The replay failed: ${await new Response(child.stderr).text()}`);
  });
}
