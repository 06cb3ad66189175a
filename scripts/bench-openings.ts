/**
 * How the time to open changes with a daemon's age: `bun scripts/bench-openings.ts [PORTIONS]`, as root. A fresh daemon in
 * namespaces of its own opens to 400 honest knocks after another, 20 ms apart, six times over (PORTIONS); prints the
 * median, 95th and 99th percentile of each 400 in milliseconds, and at the end how many took more than one. The engine compiles what has run often.
 */

import { SERVICE_PORT } from "../test/bench/contestant.ts";
import { RunningSallyport } from "../test/bench/contestants/sallyport.ts";
import { quantile, rounded } from "../test/bench/figures.ts";
import { keepOffSender } from "../test/bench/processors.ts";
import { Stage } from "../test/bench/stage.ts";

const PORTIONS = Number(process.argv[2] ?? 6);
if (!(PORTIONS > 0 && Number.isFinite(PORTIONS))) {
  console.error("scripts/bench-openings.ts: PORTIONS is a number above 0");
  process.exit(64);
}
const OPENINGS = 400;
/** As many as are made ready at once: all are of slots that are valid when they are sent. */
const AT_ONCE = 40;
/** Each knocks once a slot. */
const USERS = 4_000;
const REST_MS = [15, 25] as const;
/** The warm-up is over. */
const SETTLE_MS = 4_000;

using stage = await Stage.set([SERVICE_PORT]);
await using running = await RunningSallyport.start(stage, { users: USERS });
keepOffSender(running.pids);
await Bun.sleep(SETTLE_MS);
let slow = 0;
for (let portion = 0; portion < PORTIONS; portion++) {
  const ms: number[] = [];
  for (let done = 0; done < OPENINGS; done += AT_ONCE) {
    const openings = await running.prepare(stage.sources(AT_ONCE));
    const { opened } = await stage.prober.open(openings, { restMs: REST_MS });
    ms.push(...opened.flatMap(({ us }) => (us === null ? [] : [us / 1_000])));
  }
  slow += ms.filter((one) => one > 1).length;
  const [half, most, all] = [0.5, 0.95, 0.99].map((q) => rounded(quantile(ms, q)));
  console.log(
    `openings ${portion * OPENINGS + 1} to ${(portion + 1) * OPENINGS}: ${half} ms, 95 % in ${most}, 99 % in ${all} (${ms.length} opened)`,
  );
}
console.log(`more than 1 ms: ${slow} of ${PORTIONS * OPENINGS}`);
