/** Deeds that belong together, and how often each comes: states that deeds drawn one by one seldom reach. */

import { forgedCrowd, lateClose, orphan, unsettled } from "./command-scenes.ts";
import { brokenFile, probation, refusedReload, removedKey } from "./configuration-scenes.ts";
import { many, neighbours, otherTerms, outlived, takenPort } from "./grant-scenes.ts";
import {
  keptMarker,
  refusedClose,
  refusedClosing,
  refusedEnd,
  slowSpend,
  spoiltKeys,
  unheardKnock,
  unnotedWait,
} from "./refusal-scenes.ts";
import type { Act, Random } from "./story.ts";
import { backBeforeLoss, deathInStart, forgottenUse, longDeath, wrongClock } from "./use-scenes.ts";

export type Scene = (random: Random) => Act[];

export const SCENES: readonly Scene[] = [
  forgottenUse,
  forgottenUse,
  probation,
  probation,
  removedKey,
  removedKey,
  refusedReload,
  brokenFile,
  takenPort,
  orphan,
  unsettled,
  wrongClock,
  backBeforeLoss,
  deathInStart,
  deathInStart,
  outlived,
  neighbours,
  neighbours,
  otherTerms,
  lateClose,
  forgedCrowd,
  longDeath,
  many,
  refusedEnd,
  refusedEnd,
  spoiltKeys,
  unheardKnock,
  unnotedWait,
  unnotedWait,
  keptMarker,
  refusedClose,
  refusedClosing,
  slowSpend,
];
