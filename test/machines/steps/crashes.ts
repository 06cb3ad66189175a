/** A daemon that dies or hangs: the guard never goes, and the service comes back by itself. */

import type { Step } from "../scene.ts";

/** The daemon compares the guard with the one it loaded, every half minute; by now it has done so once. */
const AUDITED = `began=$(systemctl show -p ActiveEnterTimestampMonotonic --value sallyport)
up=$(cut -d . -f 1 /proc/uptime)
rest=$((35 + began / 1000000 - up))
[ "$rest" -le 0 ] || sleep "$rest"
! journalctl -b -u sallyport -o cat --no-pager | grep 'Repaired the guard'`;

export const undisturbed: Step = {
  name: "half a minute of rest: the audit finds the guard as it was loaded",
  play: async ({ machine }) => {
    await machine.run(AUDITED);
  },
};

export const killed: Step = {
  name: "`kill -9`: never open; the service comes back and a knock opens",
  play: async (scene) => {
    const pid = await scene.pid();
    const seen = await scene.neverOpen(async () => {
      await scene.machine.run(`kill -KILL ${pid}`);
      await scene.serves(pid);
    });
    await scene.opensByKnock();
    return seen;
  },
};

export const stopped: Step = {
  name: "a stopped process (SIGSTOP): never open; the watchdog starts it again and a knock opens",
  play: async (scene) => {
    const pid = await scene.pid();
    const began = performance.now();
    const seen = await scene.neverOpen(async () => {
      await scene.machine.run(`kill -STOP ${pid}`);
      await scene.serves(pid);
    });
    const seconds = Math.round((performance.now() - began) / 1_000);
    await scene.opensByKnock();
    return `back after ${seconds} s; ${seen}`;
  },
};

export const brokenThenKilled: Step = {
  name: "a broken config.toml, then `kill -9`, then a knock: it opens, `status` says why, a mended file is taken",
  play: async (scene) => {
    const { machine } = scene;
    await machine.run(
      "cp /etc/sallyport/config.toml /root/ && echo 'users = alice' >>/etc/sallyport/config.toml",
    );
    const pid = await scene.pid();
    await machine.run(`kill -KILL ${pid}`);
    await scene.serves(pid);
    await scene.opensByKnock();
    await scene.says(/config\.toml:\d+/, "sallyport status");
    await machine.run(
      "journalctl -b -u sallyport --cursor-file=/root/before >/dev/null; ! systemctl reload sallyport",
    );
    await scene.comesToSay(
      /config\.toml:\d+/,
      "journalctl -b -u sallyport --cursor-file=/root/before -o cat",
    );
    await machine.run("cp /root/config.toml /etc/sallyport/ && systemctl reload sallyport");
    await scene.comesToSay(/Status: "guarding"/, "systemctl status sallyport");
  },
};

export const withoutModule: Step = {
  name: "without the kernel's nfnetlink_log: doctor and the log name it, the ports stay shut; with it the service starts by itself",
  play: async (scene) => {
    const { machine } = scene;
    await machine.run(`systemctl stop sallyport
      echo "install nfnetlink_log /bin/false" >/etc/modprobe.d/no-nflog.conf
      rmmod nfnetlink_log
      systemctl start --no-block sallyport`);
    await scene.comesToSay(
      /the kernel has no nflog: load the module nfnetlink_log/,
      "journalctl -b -u sallyport --since -1min",
    );
    await scene.says(/lacks nflog.*modprobe nfnetlink_log/, "sallyport doctor");
    for (const address of scene.addresses) await scene.shuts(address);
    await machine.run("rm /etc/modprobe.d/no-nflog.conf");
    await scene.serves();
    await scene.opensByKnock();
  },
};
