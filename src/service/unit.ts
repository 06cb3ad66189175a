/** The text of sallyport's systemd units. Pure: it follows from paths, user and settings. */

import { WATCHDOG_SIGNAL } from "../control-plane/notify.ts";

/** The facts that both units need. */
export interface UnitPlan {
  /** Absolute; letters, digits and "._@:+-" only, since systemd cannot quote a program. */
  readonly executable: string;
  /** Absolute. */
  readonly config: string;
}

export interface ServicePlan extends UnitPlan {
  /** "root" runs it as root, with the same two capabilities. */
  readonly user: string;
  readonly stateDir: string;
  /** Folder of the control socket. */
  readonly runDir: string;
}

/** A folder that systemd makes for the service, or else one that the service may write to. */
function folder(path: string, parent: string, directive: string): string[] {
  const name = path.startsWith(`${parent}/`) ? path.slice(parent.length + 1) : "";
  return name === ""
    ? [`ReadWritePaths=${word(`-${path}`)}`]
    : [`${directive}=${word(name)}`, `${directive}Mode=0700`];
}

/** One word of a setting (systemd.syntax(7)); "%" would begin a specifier. */
function word(text: string): string {
  const plain = text.replaceAll("%", "%%");
  return /^[\w./%@:+-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** An argument in ExecStart=, where "$" names a variable as well. */
function argument(text: string): string {
  return word(text.replaceAll("$", "$$$$"));
}

/** Rights that neither unit needs: systemd.exec(5). */
const SANDBOX = `
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
UMask=0077
# A dump of memory would hold keys.
LimitCORE=0
# No MemoryDenyWriteExecute=: calls to libpcap and nftables are compiled while it runs (JIT), and it could not start.
# No PrivateNetwork=, no PrivateUsers=: the guard is in this machine's network, and needs its capabilities there.
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @keyring
# To give capabilities up, and to let the thread that opens doors go before the others.
SystemCallFilter=capset setpriority sched_setscheduler`.trim();

/**
 * Either variable turns the executable into another program, or makes it load one. A service gets
 * them only by "systemctl set-environment" or DefaultEnvironment=.
 */
const RUNTIME_VARIABLES = "UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN";

/** sallyport.service: the daemon. */
export function serviceUnit(plan: ServicePlan): string {
  const { executable } = plan;
  const user = plan.user === "root" ? [] : [`User=${plan.user}`, `Group=${plan.user}`];
  return `[Unit]
Description=sallyport: hides ports and opens one at the right knock
# Whatever flushes all rules does so before the guard goes up.
After=network.target nftables.service netfilter-persistent.service ufw.service firewalld.service
Wants=network.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart=${executable} serve --config ${argument(plan.config)}
# Unlike a signal it fails where the files are refused, and says why. It finds the daemon by its guard, also where a drop-in names another file.
ExecReload=${executable} reload
# Grants and the guard are in the kernel: a restart closes and opens nothing.
Restart=always
RestartSec=2
# Fed only while the thread that hears knocks answers.
WatchdogSec=20
WatchdogSignal=${WATCHDOG_SIGNAL}
# A slow machine at a busy boot takes more than half a minute: ended before it is ready, it would begin anew for ever.
TimeoutStartSec=300
# It ends itself after ten seconds, whatever hangs; a slow machine that shuts down takes some of them.
TimeoutStopSec=15
# The daemon alone is stopped: a close command of a door that has begun goes on to its end.
KillMode=process
OOMScoreAdjust=-500
${RUNTIME_VARIABLES}
# Threads of the daemon stand behind the one that opens doors; commands of doors need not.
LimitNICE=+0
${[
  ...user,
  ...folder(plan.stateDir, "/var/lib", "StateDirectory"),
  ...folder(plan.runDir, "/run", "RuntimeDirectory"),
].join("\n")}

# To capture packets, and to hold the guard. Never setcap the executable instead: it is an interpreter too.
AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN

# Commands of doors (door.NAME.run) live in the same sandbox; loosen it with "systemctl edit sallyport".
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_PACKET AF_INET AF_INET6
${SANDBOX}

[Install]
WantedBy=multi-user.target
`;
}

export interface GuardUnitPlan extends UnitPlan {
  /** The copy that the daemon keeps of the configuration that worked last. */
  readonly lastConfig: string;
}

/**
 * sallyport-guard.service: the guard, before the network is up and whether or not the daemon
 * starts.
 */
export function guardUnit(plan: GuardUnitPlan): string {
  const config = word(plan.config);
  const lastConfig = argument(plan.lastConfig);
  return `[Unit]
Description=sallyport: guards its ports before the network is up
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target sallyport.service
Conflicts=shutdown.target
# What flushes all rules comes first; the daemon's folders and libraries must be there.
After=local-fs.target nftables.service netfilter-persistent.service ufw.service
RequiresMountsFor=${plan.executable} ${config}

[Service]
Type=oneshot
# Stopping it leaves the guard up: "sallyport firewall remove" takes it away.
RemainAfterExit=yes
ExecStart=${plan.executable} firewall load --config ${argument(plan.config)} --fallback ${lastConfig}
# The network waits for it, so not for ever; ended too early, it would leave the ports open.
TimeoutStartSec=180
${RUNTIME_VARIABLES}

# The second is to read a configuration that belongs to the daemon's user.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_DAC_READ_SEARCH
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
${SANDBOX}

[Install]
WantedBy=sysinit.target
`;
}

/** A user of sysusers.d(5) who owns only the state folder. */
export function sysusers(plan: ServicePlan): string {
  return `#Type Name ID GECOS Home Shell\nu ${plan.user} - "sallyport daemon" ${word(plan.stateDir)} -\n`;
}
