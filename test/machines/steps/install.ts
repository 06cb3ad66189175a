/** From a machine that never saw this repository to one that guards: the documented commands. */

import { MOUNT, PACKAGE, PREVIOUS } from "../luggage.ts";
import { type Scene, type Step, writeConfig } from "../scene.ts";

export const boots: Step = {
  name: "boots",
  play: async ({ machine }) => {
    await machine.switchOn();
    await machine.settled();
  },
};

/**
 * Kernel modules that some user of netfilter, or the kernel for one, has loaded. Debian's systemd
 * loads ip_tables itself, for nothing.
 */
const NETFILTER = "^(nf_|nft_|nfnetlink|ip6_tables|iptable|xt_)";

export const untouched: Step = {
  name: "nothing has used netfilter: no module of it is loaded but the one that systemd loads",
  play: async ({ machine }) => {
    await machine.run(`! lsmod | grep -E '${NETFILTER}'`);
  },
};

export const openBefore: Step = {
  name: "22/tcp is open to everybody before",
  play: async (scene) => {
    for (const address of scene.addresses) await scene.opens(22, address);
  },
};

async function installPackage({ machine }: Scene, deb: string): Promise<void> {
  await machine.run(`${MOUNT} && apt-get install -y --no-install-recommends ${deb}`, {
    mostMs: 400_000,
  });
}

async function configure(scene: Scene): Promise<void> {
  await scene.machine.run(writeConfig(">"));
  await scene.addDevices();
  await scene.machine.run("sallyport check && sallyport doctor");
}

export const installs: Step = {
  name: "the package is installed; `check` and `doctor` find nothing that stops a knock",
  play: async (scene) => {
    await installPackage(scene, PACKAGE);
    await configure(scene);
  },
};

export const installsPrevious: Step = {
  name: "the previous package is installed; `check` and `doctor` find nothing that stops a knock",
  play: async (scene) => {
    await installPackage(scene, PREVIOUS);
    await configure(scene);
  },
};

export const guards: Step = {
  name: "service and boot guard are enabled by the documented commands; 22/tcp is shut",
  play: async (scene) => {
    const enable = "systemctl start sallyport && systemctl enable sallyport sallyport-guard";
    await scene.machine.run(enable, { mostMs: 120_000 });
    for (const address of scene.addresses) await scene.shuts(address);
  },
};
