/**
 * Plays one trial and prints its finding as one line of JSON:
 * `bun test/torture/play.ts NUMBER SCALE [PEER]`.
 */

import { TRIALS } from "./trials.ts";
import type { Peer, Scale } from "./trial.ts";

const [number = "0", scale = "quick", peer] = process.argv.slice(2) as [string?, Scale?, Peer?];
const trial = TRIALS[Number(number)]!;
const play = peer === undefined ? trial.play : trial.peers![peer]!;
console.log(JSON.stringify(await play(scale)));
process.exit(0);
