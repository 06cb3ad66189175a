/** Disks and memory that are full. */

import type { Step } from "../scene.ts";

export const fullDisk: Step = {
  name: "a full disk: a knock opens; the log names the files that cannot be written, and tells when they are again",
  play: async (scene) => {
    const { machine } = scene;
    await machine.run(
      "fallocate -l $(df --output=avail -B1 / | tail -n 1) /full; cat /dev/zero >/full.rest 2>/dev/null; true",
      { mostMs: 120_000 },
    );
    await scene.opensByKnock();
    await scene.comesToSay(/Cannot write/, "journalctl -b -u sallyport -o cat -n 20 --no-pager");
    await machine.run("rm /full /full.rest");
    await scene.comesToSay(
      /is written again/,
      "journalctl -b -u sallyport -o cat -n 5 --no-pager",
      120_000,
    );
    await scene.opensByKnock();
  },
};

/**
 * Takes a fifth of the memory at once, as much as its slice may, is ended by the kernel and begins
 * again. One that takes all makes an emulated machine read its programs from the disk for a minute,
 * longer than the watchdog waits.
 */
const HOG = `echo '$taken[$_] = "x" x (1 << 20) for 0 .. 255' >/root/hog
systemd-run --unit=hog -p MemoryMax=48M -p Restart=always -p RestartSec=2 -p StartLimitIntervalSec=0 perl /root/hog`;

export const memory: Step = {
  name: "memory that something else eats up: the daemon lives on and knocks open",
  play: async (scene) => {
    const { machine } = scene;
    const pid = await scene.pid();
    await machine.run(HOG);
    try {
      await scene.comesToSay(/out of memory/i, "journalctl -b -k -o cat --no-pager -n 50", 60_000);
      for (let i = 0; i < 2; i++) await scene.opensByKnock();
    } finally {
      await machine.run("systemctl stop hog; systemctl reset-failed hog 2>/dev/null; true");
    }
    const now = await scene.pid();
    if (now !== pid) throw new Error("the daemon was ended");
    return await machine.run(
      "grep VmRSS /proc/$(systemctl show -p MainPID --value sallyport)/status | tr -s '\\t ' ' '",
    );
  },
};
