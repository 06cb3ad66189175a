/** The processes that send loads obey their orders; no guard is in their way here. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { writeHour } from "./hour.ts";
import type { CrowdAnswer, CrowdOrder } from "./load/crowd.ts";
import { SERVER, Stage } from "./stage.ts";
import { spawn } from "../support/programs.ts";

const FOLDER = new URL("load/", import.meta.url).pathname;
const SERVICE = 8_080;
const LIMIT_MS = 60_000;

let stage: Stage;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "sallyport-load-"));
  stage = await Stage.set([SERVICE]);
}, LIMIT_MS);
afterAll(() => {
  stage?.[Symbol.dispose]();
  rmSync(dir, { recursive: true });
});

async function run<T>(name: string, argv: readonly string[], input = ""): Promise<T> {
  const inNamespace = ["ip", "netns", "exec", stage.lab.namespace("client"), process.execPath];
  const child = spawn([...inNamespace, join(FOLDER, name), "eth0", ...argv], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "inherit",
  });
  return JSON.parse(await new Response(child.stdout).text()) as T;
}

/** Two clients that knock on nothing and then try `port`. */
function order(port: number): CrowdOrder {
  return {
    clients: stage.sources(2).map((source, i) => ({
      source,
      knocks: [7_000, 7_001].map((to) => stage.frame({ from: source, port: to }).toBase64()),
      completes: 1,
      syn: stage.frame({ from: source, port }).toBase64(),
      startMs: i * 20,
    })),
    gapMs: 1,
    everyMs: [1, 10],
    patienceMs: 1_000,
  };
}

test(
  "crowd.ts lets every client in that finds a port open, after its own last knock",
  async () => {
    const { openedMs, knockedMs } = await run<CrowdAnswer>(
      "crowd.ts",
      [],
      JSON.stringify(order(SERVICE)),
    );
    expect(openedMs).toHaveLength(2);
    for (const ms of openedMs) expect(ms).toBeGreaterThan(0);
    expect(knockedMs).toBe(21);
  },
  LIMIT_MS,
);

test(
  "crowd.ts gives up on clients that nobody answers, and says so",
  async () => {
    const { openedMs } = await run<CrowdAnswer>("crowd.ts", [], JSON.stringify(order(SERVICE + 1)));
    expect(openedMs).toEqual([null, null]);
  },
  LIMIT_MS,
);

test(
  "replay.ts sends every frame of a capture to the server, no sooner than its speed says",
  async () => {
    const file = join(dir, "hour.pcap");
    const mix = writeHour(file, {
      seconds: 10,
      seed: 1,
      server4: SERVER,
      server6: "fd77::1",
      range: [20_000, 20_999],
      strayPorts: [7_000],
      strayDatagramPort: 62_201,
    });
    const count = Object.values(mix).reduce((sum, one) => sum + one, 0);
    const mac = stage.frame({ from: "11.0.0.1", port: 1 }).slice(0, 6).toHex();
    const before = stage.received();
    const { sent, seconds } = await run<{ sent: number; seconds: number }>("replay.ts", [
      file,
      "20",
      mac,
    ]);
    expect(sent).toBe(count);
    expect(seconds).toBeGreaterThan(0.4);
    expect(stage.received() - before).toBeGreaterThanOrEqual(count);
  },
  LIMIT_MS,
);
