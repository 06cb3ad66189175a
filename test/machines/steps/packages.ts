/** The package while it changes: upgraded, removed, purged. */

import { MOUNT, PACKAGE } from "../luggage.ts";
import { ADDRESS } from "../recipe.ts";
import { linesOf } from "../../support/lines.ts";
import type { Scene, Step } from "../scene.ts";

export const upgrades: Step = {
  name: "upgrade with a living ssh session: never open, the session lives on, a knock opens",
  play: async (scene) => {
    const { machine, client } = scene;
    const link = scene.link("ssh");
    await scene.shuts(ADDRESS[4]);
    client.knock(link);
    const session = client.session(ADDRESS[4]);
    const lines = linesOf(session.stdout);
    const echo = async (text: string) => {
      void session.stdin.write(`${text}\n`);
      await session.stdin.flush();
      const answer = await Promise.race([lines.next(), Bun.sleep(30_000)]);
      if (answer?.value !== text) throw new Error(`the session said ${answer?.value} to ${text}`);
    };
    try {
      await echo("before");
      await scene.shuts(ADDRESS[4]);
      const pid = await scene.pid();
      const seen = await scene.neverOpen(async () => {
        await machine.run(`${MOUNT} && apt-get install -y --no-install-recommends ${PACKAGE}`, {
          mostMs: 400_000,
        });
        await scene.serves(pid);
      });
      await echo("after");
      await scene.opensByKnock();
      return seen;
    } finally {
      session.kill("SIGKILL");
    }
  },
};

export const removed: Step = {
  name: "`apt remove` names the ports that stay shut, as `on_stop` says",
  play: async (scene) => {
    await scene.says(/still guards 22\/tcp/, "apt-get remove -y sallyport 2>&1");
    for (const address of scene.addresses) await scene.shuts(address);
  },
};

/** Needs `nft`, as the package recommends it. */
export const purged: Step = {
  name: "`apt purge` takes table and state along: 22/tcp is open to everybody",
  play: async (scene) => {
    await scene.machine.run("apt-get purge -y sallyport && [ ! -e /var/lib/sallyport ]");
    await openToAll(scene);
  },
};

export const givenUp: Step = {
  name: "stopped, `sallyport firewall remove`, `apt purge`: 22/tcp is open to everybody",
  play: async (scene) => {
    const { machine } = scene;
    await machine.run(
      "systemctl disable --now sallyport sallyport-guard && sallyport firewall remove",
    );
    await openToAll(scene);
    await machine.run("apt-get purge -y sallyport && [ ! -e /var/lib/sallyport ]");
    await openToAll(scene);
  },
};

async function openToAll(scene: Scene): Promise<void> {
  for (const address of scene.addresses) await scene.opens(22, address);
}
