/** Boots, in order and not: the port is never open meanwhile, and a used knock opens nothing afterwards. */

import { parseProfileLink } from "../../../src/rks/profile-link.ts";
import { slotAt, slotStartMs } from "../../../src/rks/slot.ts";
import { ADDRESS } from "../recipe.ts";
import type { Door, Scene, Step } from "../scene.ts";

const PORT = { ssh: 22, slow: 2222 } as const;

/** A knock that has opened its door once. */
interface UsedKnock {
  readonly door: Door;
  readonly ports: readonly number[];
  /** Whether its slot is still one that a clock may show. */
  readonly isTimely: () => boolean;
}

/** Knocks `ahead` slots from now, as a client whose clock is fast: such a knock could be believed for longest. */
async function use(scene: Scene, door: Door, ahead: number): Promise<UsedKnock> {
  const link = scene.spend(door);
  const { stepSeconds } = parseProfileLink(link);
  const slot = slotAt(Date.now(), stepSeconds) + ahead;
  const ports = scene.client.portsOf(link, ahead);
  await scene.shuts(ADDRESS[4], PORT[door]);
  scene.client.sendPorts(ADDRESS[4], ports);
  await scene.opens(PORT[door]);
  return { door, ports, isTimely: () => slotAt(Date.now(), stepSeconds) <= slot + 1 };
}

/** The used knock once more; answers whether it could have opened, had nobody remembered it. */
async function replay(scene: Scene, used: UsedKnock): Promise<boolean> {
  const timely = used.isTimely();
  await scene.shuts(ADDRESS[4], PORT[used.door]);
  scene.client.sendPorts(ADDRESS[4], used.ports);
  // A knock that is believed opens within a fraction of this.
  await Bun.sleep(1_500);
  const met = scene.client.probe(ADDRESS[4], PORT[used.door]);
  if (met !== "refused") throw new Error(`replayed at ${used.door}: ${met}`);
  return timely;
}

const BEFORE_NETWORK = `
guard=$(systemctl show -p ActiveEnterTimestampMonotonic --value sallyport-guard)
network=$(systemctl show -p ExecMainStartTimestampMonotonic --value systemd-networkd)
echo "guard after $((guard / 1000)) ms, network after $((network / 1000)) ms"
[ "$guard" -gt 0 ] && [ "$guard" -lt "$network" ]`;

/** Boots in a way, until the service runs, with a probe that never finds a port open. */
async function bootsShut(scene: Scene, boot: () => Promise<void>): Promise<string> {
  const seen = await scene.neverOpen(async () => {
    await boot();
    await scene.machine.settled();
    await scene.serves();
  });
  return seen;
}

export const reboots: Step = {
  name: "reboot: tried every 20 ms, the ports are never open; a used knock opens nothing, a new one does",
  play: async (scene) => {
    const used = await use(scene, "slow", 0);
    const seen = await bootsShut(scene, () => scene.machine.reboot());
    const guard = await scene.machine.run(BEFORE_NETWORK);
    const timely = await replay(scene, used);
    if (!timely) throw new Error("the used knock could not be replayed in time");
    // The same door opens to a knock that nobody has seen: it was not merely shut to all.
    scene.client.sendPorts(ADDRESS[4], scene.client.portsOf(scene.link("slow")));
    await scene.opens(PORT.slow);
    await scene.opensByKnock();
    return `${seen}; ${guard}`;
  },
};

/** Waits until the door "ssh" believes knocks that were made after `bootedMs`: a minute at most, two slots. */
async function believes(scene: Scene, bootedMs: number): Promise<number> {
  await scene.says(/Rotating doors wait \d+ s/, "sallyport status --json");
  const { stepSeconds } = parseProfileLink(scene.link("ssh"));
  const waitMs = slotStartMs(slotAt(bootedMs, stepSeconds) + 2, stepSeconds) - Date.now();
  await Bun.sleep(Math.max(0, waitMs));
  return Math.max(0, Math.round(waitMs / 1_000));
}

export const powerCut: Step = {
  name: "power cut: never open; used knocks open nothing; after the wait a new one does",
  play: async (scene) => {
    const slow = await use(scene, "slow", 0);
    const used = await use(scene, "ssh", 1);
    const seen = await bootsShut(scene, async () => {
      await scene.machine.cutPower();
      await scene.machine.switchOn();
    });
    const bootedMs = Date.now();
    const timely = await replay(scene, used);
    if (!(await replay(scene, slow))) throw new Error("no used knock could be replayed in time");
    const waited = await believes(scene, bootedMs);
    await scene.opensByKnock();
    return `${seen}; replayed ${timely ? "both" : "one"} in its slot; waited ${waited} s`;
  },
};

export const brokenAtBoot: Step = {
  name: "reboot with a broken config.toml: never open; a knock opens by the files that worked last, and systemctl names the mistake",
  play: async (scene) => {
    const { machine } = scene;
    await machine.run(
      "cp /etc/sallyport/config.toml /root/ && echo 'users = alice' >>/etc/sallyport/config.toml",
    );
    const seen = await bootsShut(scene, () => machine.reboot());
    await scene.opensByKnock();
    await scene.says(/worked last.*config\.toml:\d+ is broken/, "systemctl status sallyport");
    await scene.says(/failed/, "systemctl is-failed sallyport-guard");
    await machine.run("cp /root/config.toml /etc/sallyport/ && sallyport reload");
    return seen;
  },
};
