/** Every trial, in the order of the promises. */

import { trials as guessing } from "./p01-guessing.ts";
import { trials as replay } from "./p03-replay.ts";
import { trials as networks } from "./p07-networks.ts";
import type { Trial } from "./trial.ts";

export const TRIALS: readonly Trial[] = [...guessing, ...replay, ...networks];
