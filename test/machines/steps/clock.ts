/** Clocks that are set while it runs: a door opens by the time that the machine has, and no other. */

import { ADDRESS } from "../recipe.ts";
import type { Scene, Step } from "../scene.ts";

/** Slots of the door "ssh" in an hour. */
const HOUR = 120;

async function setBy(scene: Scene, hours: number): Promise<void> {
  await scene.machine.run(`date -s "@$(( $(date +%s) + ${hours * 3_600} ))"`);
  await scene.comesToSay(/The clock was set/, "journalctl -b -u sallyport -o cat -n 5 --no-pager");
}

/** A device that it is used with has no business in the present afterwards. */
async function opensByItsOwnTime(scene: Scene, hours: number): Promise<void> {
  const link = scene.spend("ssh");
  await scene.shuts(ADDRESS[4]);
  scene.client.sendPorts(ADDRESS[4], scene.client.portsOf(link));
  await Bun.sleep(1_500);
  const met = scene.client.probe(ADDRESS[4]);
  if (met !== "refused") throw new Error(`a knock of the true time, an hour off: ${met}`);
  scene.client.sendPorts(ADDRESS[4], scene.client.portsOf(link, hours * HOUR));
  await scene.opens(22);
}

export const clock: Step = {
  name: "the clock an hour forward and back, an hour back and forward: doors open by the machine's time, the guard stands",
  play: async (scene) => {
    for (const hours of [1, -1]) {
      await setBy(scene, hours);
      await opensByItsOwnTime(scene, hours);
      await setBy(scene, -hours);
      await scene.opensByKnock();
    }
  },
};
