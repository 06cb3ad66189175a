/** Others who make rules beside it. Each lets 22/tcp in by its own means, so that only the guard keeps it shut. */

import { ADDRESS } from "../recipe.ts";
import type { Scene, Step } from "../scene.ts";

/** The table stands again within five seconds of the emulated machine; for want of `nft`, its list in the kernel tells. */
const COMES_BACK = `for i in $(seq 50); do nft list table inet sallyport >/dev/null 2>&1 && exit 0; sleep 0.1; done
echo "the table did not come back"; exit 1`;

async function guardedAgain(scene: Scene): Promise<void> {
  await scene.machine.run(COMES_BACK);
  await scene.shuts(ADDRESS[4]);
  await scene.opensByKnock();
}

export const flushed: Step = {
  name: "`nft flush ruleset`: the guard is put back and a knock opens",
  play: async (scene) => {
    await scene.machine.run("nft flush ruleset");
    await guardedAgain(scene);
  },
};

export const nftablesRestarted: Step = {
  name: "nftables.service enabled and restarted: the guard is put back and a knock opens",
  play: async (scene) => {
    await scene.machine.run("systemctl enable --now nftables && systemctl restart nftables");
    await guardedAgain(scene);
  },
};

export const ufw: Step = {
  name: "ufw enabled beside it: shut without a knock, open with one",
  play: async (scene) => {
    await scene.machine.run("ufw allow 22/tcp && ufw --force enable", { mostMs: 120_000 });
    await guardedAgain(scene);
    await scene.machine.run("ufw --force disable");
  },
};

export const firewalld: Step = {
  name: "firewalld started beside it: shut without a knock, open with one",
  play: async (scene) => {
    await scene.machine.run(
      "systemctl start firewalld; until firewall-cmd --state; do sleep 0.5; done",
      { mostMs: 120_000 },
    );
    await guardedAgain(scene);
    // One that is stopped while it still loads its rules leaves them behind, and they stop WireGuard.
    await scene.machine.run(
      "systemctl stop firewalld; ! nft list tables | grep firewalld || { echo 'its table stayed'; exit 1; }",
    );
    await guardedAgain(scene);
  },
};
