/** The table of machines: the hardware and the system of each, and its steps. */

import type { Hardware } from "./machine.ts";
import { NEIGHBOURS, type Recipe } from "./recipe.ts";
import type { Step } from "./scene.ts";
import { clock } from "./steps/clock.ts";
import { brokenThenKilled, killed, stopped, undisturbed, withoutModule } from "./steps/crashes.ts";
import { firewalld, flushed, nftablesRestarted, ufw } from "./steps/firewalls.ts";
import {
  boots,
  guards,
  installs,
  installsPrevious,
  openBefore,
  untouched,
} from "./steps/install.ts";
import { addressChange, downAndUp, lateInterface } from "./steps/interfaces.ts";
import { knock4, knock6 } from "./steps/knocks.ts";
import { links } from "./steps/links.ts";
import { givenUp, purged, removed, upgrades } from "./steps/packages.ts";
import { fullDisk, memory } from "./steps/pressure.ts";
import { brokenAtBoot, powerCut, reboots } from "./steps/reboots.ts";

export interface MachineRow {
  /** One word, for the command line. */
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  readonly recipe: Recipe;
  readonly hardware: Hardware;
  readonly ipv6: boolean;
  readonly steps: readonly Step[];
}

/** Without the fifth level of page tables, whose every miss costs an emulator one more step. */
const X64: Hardware = {
  arch: "amd64",
  processor: "max,la57=off",
  megabytes: 1_024,
  append: "",
};

const system = (suite: Recipe["suite"], beside: readonly string[] = []): Recipe => ({
  suite,
  arch: "amd64",
  beside,
});
const arm64: Recipe = { suite: "bookworm", arch: "arm64", beside: ["nftables"] };

/** The steps of every machine. */
const FIRST = [boots, openBefore, installs, guards, knock4, knock6];
const UPGRADED = FIRST.map((step) => (step === installs ? installsPrevious : step));
const LAST = [removed, purged];
const NETWORK = [downAndUp, ...links];
const RULES = [flushed, nftablesRestarted, ufw, firewalld];

/** The steps that every other one needs. */
export const START: readonly Step[] = [boots, untouched, installs, installsPrevious, guards];

/** The essentials: one machine plays them in less than five minutes. */
export const QUICK: readonly Step[] = [...FIRST, reboots, killed, flushed, ...LAST];

/**
 * No machine may take five minutes, so each other step stands where it shows most: what asks the
 * kernel on each kernel, the rest once or twice.
 */
export const MACHINES: readonly MachineRow[] = [
  {
    name: "bullseye",
    title: "Debian 11",
    recipe: system("bullseye", NEIGHBOURS),
    hardware: X64,
    ipv6: true,
    steps: [
      ...[...FIRST, reboots, undisturbed],
      ...[flushed, nftablesRestarted, firewalld],
      ...[...NETWORK, ...LAST],
    ],
  },
  {
    name: "bookworm",
    title: "Debian 12",
    recipe: system("bookworm", NEIGHBOURS),
    hardware: X64,
    ipv6: true,
    steps: [...UPGRADED, reboots, upgrades, ...LAST],
  },
  {
    name: "trixie",
    title: "Debian 13",
    recipe: system("trixie", NEIGHBOURS),
    hardware: X64,
    ipv6: true,
    steps: [...FIRST, ...RULES, ...NETWORK, addressChange, lateInterface],
  },
  {
    name: "cortex-a72",
    title: "Debian 12 on a Cortex-A72",
    recipe: arm64,
    hardware: { ...X64, arch: "arm64", processor: "cortex-a72" },
    ipv6: true,
    steps: [...FIRST, reboots, killed, flushed, brokenThenKilled],
  },
  {
    name: "cortex-a53",
    title: "Debian 12 on a Cortex-A53",
    recipe: arm64,
    hardware: { ...X64, arch: "arm64", processor: "cortex-a53" },
    ipv6: true,
    steps: [...FIRST, powerCut],
  },
  {
    name: "nehalem",
    title: "Debian 12 on a processor without AVX2 (Nehalem)",
    recipe: system("bookworm", NEIGHBOURS),
    hardware: { ...X64, processor: "Nehalem" },
    ipv6: true,
    steps: [...FIRST, killed, ...RULES, ...NETWORK, withoutModule],
  },
  {
    name: "no-ipv6",
    title: "Debian 13 with ipv6.disable=1",
    recipe: system("trixie", NEIGHBOURS),
    hardware: { ...X64, append: "ipv6.disable=1" },
    ipv6: false,
    steps: [...FIRST, brokenAtBoot, flushed, fullDisk].filter((step) => step !== knock6),
  },
  {
    name: "bare",
    title: "Debian 12 without any other user of netfilter",
    recipe: system("bookworm"),
    hardware: X64,
    ipv6: true,
    steps: [boots, untouched, ...FIRST.slice(1), reboots, killed, stopped, givenUp],
  },
  {
    name: "small",
    title: "Debian 13 with 256 MB of memory",
    recipe: system("trixie", NEIGHBOURS),
    hardware: { ...X64, megabytes: 256 },
    ipv6: true,
    steps: [...FIRST, memory, clock],
  },
];
