/** The purpose of it all: a knock, then ssh. */

import type { Step } from "../scene.ts";

export const knock4: Step = {
  name: "a knock over IPv4 lets a real ssh in",
  play: (scene) => scene.opensByKnock(4),
};

export const knock6: Step = {
  name: "a knock over IPv6 lets a real ssh in",
  play: (scene) => scene.opensByKnock(6),
};
