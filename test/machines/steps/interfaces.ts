/** The wire while it changes: down and up, other addresses, interfaces that come after the daemon. */

import { ADDRESS } from "../recipe.ts";
import { FIXED, type Scene, type Step, writeConfig } from "../scene.ts";
import { knockFrom, makeFar } from "../far.ts";

const WIRE = String.raw`wire=$(ip -brief link | sed -nE 's/^(e[a-z0-9]+).*/\1/p' | head -n 1)`;

export const downAndUp: Step = {
  name: "the interface down and up: a knock opens",
  play: async (scene) => {
    await scene.machine.run(`${WIRE}; ip link set $wire down; sleep 1; ip link set $wire up`);
    for (const family of scene.families) {
      await reachable(scene, ADDRESS[family]);
      await scene.opensByKnock(family);
    }
  },
};

/** Addresses come a moment after the link. */
async function reachable(scene: Scene, address: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (scene.client.probe(address) === "silent") {
    if (performance.now() > deadline) throw new Error(`${address} does not answer any more`);
  }
}

const OTHER = "10.79.0.3";

export const addressChange: Step = {
  name: "another address: the port is shut there and a knock to it opens",
  play: async (scene) => {
    const { machine, client } = scene;
    const [was, is] = [`${ADDRESS[4]}/24`, `${OTHER}/24`];
    await machine.run(`${WIRE}; ip address del ${was} dev $wire; ip address add ${is} dev $wire`);
    await reachable(scene, OTHER);
    await scene.shuts(OTHER);
    client.knockFixed(OTHER, FIXED);
    const said = client.ssh(OTHER, "echo in");
    if (said !== "in") throw new Error(`ssh said "${said}"`);
    await machine.run(`${WIRE}; ip address del ${is} dev $wire; ip address add ${was} dev $wire`);
    await reachable(scene, ADDRESS[4]);
    await scene.opensByKnock();
  },
};

export const lateInterface: Step = {
  name: "an interface that is named and comes up after the daemon: a knock through it opens",
  play: async (scene) => {
    const { machine } = scene;
    await machine.run(`${WIRE}; ip link delete near 2>/dev/null
      echo "[server]" >/etc/sallyport/config.toml
      echo "interfaces = [\\"$wire\\", \\"near\\"]" >>/etc/sallyport/config.toml
      ${writeConfig(">>")}; sallyport reload --yes`);
    try {
      await machine.run(makeFar());
      await machine.run(knockFrom("10.80.0.1"));
      await scene.opensByKnock();
    } finally {
      await machine.run(`ip link delete near; ${writeConfig(">")}; sallyport reload --yes`);
    }
  },
};
