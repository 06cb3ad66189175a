/** The disk of a machine: a minimal Debian with systemd, a kernel, an sshd on two ports and a console for the test. */

export type Suite = "bullseye" | "bookworm" | "trixie";
export type Arch = "amd64" | "arm64";

export interface Recipe {
  readonly suite: Suite;
  readonly arch: Arch;
  /** Packages beside those that every machine needs. */
  readonly beside: readonly string[];
}

/** Addresses that the machine gives its only wire; ours are `.1` and `::1`. */
export const ADDRESS = { 4: "10.79.0.2", 6: "fd79::2" } as const;
export type Family = keyof typeof ADDRESS;

/** The packages to boot, to look inside, and to take ours; nothing of netfilter but the libraries that it declares. */
const NEEDED = [
  "systemd-sysv",
  "dbus",
  "udev",
  "kmod",
  "iproute2",
  "procps",
  "openssh-server",
  "libpcap0.8",
  "libnftables1",
  "initramfs-tools",
];

/** Other users of netfilter, and the programs behind tunnels; all silent until a step starts them. */
export const NEIGHBOURS = ["nftables", "ufw", "firewalld", "wireguard-tools", "ppp"];

const KERNEL = { amd64: "linux-image-amd64", arm64: "linux-image-arm64" } as const;

/** On trixie, whose libraries carry the 64-bit time_t in their names, this name is provided by libpcap0.8t64. */
export function packagesOf({ arch, beside }: Recipe): string[] {
  return [...NEEDED, KERNEL[arch], ...beside];
}

/** The port of virtio that commands go through: it needs no network, so none that a guard could close. */
export const CONSOLE_PORT = "machine.console";

/** Answers `ID SCRIPT` with `ID CODE OUTPUT`, script and output in base64, and says at its start which boot it is. */
const CONSOLE = `#!/bin/sh
port=/dev/virtio-ports/${CONSOLE_PORT}
boot=$(cat /proc/sys/kernel/random/boot_id)
while :; do
  [ -e $port ] || { sleep 0.2; continue; }
  exec 3<>$port
  echo "boot $boot" >&3
  while read -r id script <&3; do
    said=$(printf %s "$script" | base64 -d | bash 2>&1 3>&-)
    code=$?
    echo "$id $code $(printf %s "$said" | base64 -w 0)" >&3
  done
  exec 3>&-
  sleep 0.2
done
`;

const CONSOLE_UNIT = `[Unit]
Description=the console of the test
[Service]
ExecStart=/usr/local/sbin/console
Environment=HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WorkingDirectory=/root
OOMScoreAdjust=-1000
# What a step leaves running is not the console's.
KillMode=process
[Install]
WantedBy=multi-user.target
`;

/** Where files of ours lie in the image, and their modes. */
export function filesOf(): readonly { path: string; text: string; mode?: number }[] {
  return [
    // The few modules that the disk needs, in place of all that some machine might.
    { path: "/etc/initramfs-tools/conf.d/machine", text: "MODULES=list\n" },
    { path: "/etc/initramfs-tools/modules", text: "virtio_pci\nvirtio_blk\next4\ncrc32c\n" },
    { path: "/etc/hostname", text: "machine\n" },
    { path: "/etc/hosts", text: "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 machine\n" },
    { path: "/etc/fstab", text: "/dev/vda / ext4 defaults 0 0\n" },
    {
      path: "/etc/systemd/network/10-wire.network",
      text: `[Match]\nName=e*\n[Network]\nAddress=${ADDRESS[4]}/24\nAddress=${ADDRESS[6]}/64\nIPv6AcceptRA=no\n`,
    },
    // 22 is for doors with a step of half a minute, 2222 for one with a long step.
    {
      path: "/etc/ssh/sshd_config.d/machine.conf",
      text: "Port 22\nPort 2222\nUseDNS no\nMaxStartups 200\n",
    },
    { path: "/usr/local/sbin/console", text: CONSOLE, mode: 0o755 },
    { path: "/etc/systemd/system/console.service", text: CONSOLE_UNIT },
  ];
}

/** The last commands in the new root, once its packages are there. Units that only cost time at each boot stay off. */
export const FINISH = `
systemctl enable systemd-networkd console
systemctl mask apt-daily.timer apt-daily-upgrade.timer systemd-networkd-wait-online.service e2scrub_reap.service \\
  e2scrub_all.timer fstrim.timer dpkg-db-backup.timer man-db.timer logrotate.timer getty@tty1.service
systemctl disable nftables ufw firewalld 2>/dev/null || true
rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/share/locale/*
apt-get clean
`;
