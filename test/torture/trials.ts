/** Every trial, in the order of the promises. */

import { trials as guessing } from "./p01-guessing.ts";
import { trials as replay } from "./p03-replay.ts";
import { trials as networks } from "./p07-networks.ts";
import { overloadTrials, trials as floods } from "./p09-floods.ts";
import { renewalTrials, trials as grants } from "./p12-grants.ts";
import { trials as nothingShows } from "./p15-nothing-shows.ts";
import { trials as repair } from "./p16-repair.ts";
import { trials as surroundings } from "./p20-surroundings.ts";
import { configTrials, trials as inputs } from "./p22-inputs.ts";
import { trials as commands } from "./p26-commands.ts";
import { trials as oneDaemon } from "./p27-one-daemon.ts";
import { trials as mistakes } from "./p28-mistakes.ts";
import { trials as terms } from "./p29-terms.ts";
import { trials as owners } from "./p30-owners.ts";
import { trials as owed } from "./p31-owed.ts";
import { trials as crowds } from "./p32-crowds.ts";
import { trials as racer } from "./p33-racer.ts";
import { trials as stalledLog } from "./p34-stalled-log.ts";
import type { Trial } from "./trial.ts";

export const TRIALS: readonly Trial[] = [
  ...guessing,
  ...replay,
  ...networks,
  ...floods,
  ...grants,
  ...nothingShows,
  ...repair,
  ...surroundings,
  ...inputs,
  ...configTrials,
  ...commands,
  ...oneDaemon,
  ...mistakes,
  ...terms,
  ...owed,
  ...crowds,
  ...owners,
  ...racer,
  ...stalledLog,
  ...renewalTrials,
  ...overloadTrials,
].sort((a, b) => Number(a.promise.slice(1)) - Number(b.promise.slice(1)));
