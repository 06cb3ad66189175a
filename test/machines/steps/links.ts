/** Knocks through links that are no plain Ethernet, each made by the stock kernel on both sides. */

import { knockFrom, makeFar } from "../far.ts";
import type { Step } from "../scene.ts";

interface Link {
  readonly name: string;
  /** Makes it above near and far: 10.80.1.1 on this side, 10.80.1.2 on the far one. */
  readonly make: string;
  readonly unmake: string;
}

/** Gives both ends of a link their addresses and takes them up. */
function ends(here: string, there: string): string {
  return `
ip address add 10.80.1.1/24 dev ${here}; ip link set ${here} up
ip -n far address add 10.80.1.2/24 dev ${there}; ip -n far link set ${there} up`;
}

/** A device of the same kind on each side, above near and far. */
function pair(kind: string, { near = "", far = "" } = {}): Pick<Link, "make" | "unmake"> {
  return {
    make: `ip link add tie0 ${near} type ${kind}; ip -n far link add tie0 ${far} type ${kind}${ends("tie0", "tie0")}`,
    unmake: "ip link delete tie0; ip -n far link delete tie0",
  };
}

function tunnel(kind: string): Pick<Link, "make" | "unmake"> {
  return {
    make: `ip link add tie0 type ${kind} local 10.80.0.1 remote 10.80.0.2
ip -n far link add tie0 type ${kind} local 10.80.0.2 remote 10.80.0.1${ends("tie0", "tie0")}`,
    unmake: "ip link delete tie0; ip -n far link delete tie0",
  };
}

const LINKS: readonly Link[] = [
  { name: "VLAN", ...pair("vlan id 5", { near: "link near", far: "link far" }) },
  {
    name: "a bond",
    make: `modprobe bonding max_bonds=0
ip link add leg1 type veth peer name leg1 netns far; ip link add leg2 type veth peer name leg2 netns far
for side in "" "-n far"; do
  ip $side link add tie0 type bond mode active-backup miimon 100
  for port in leg1 leg2; do ip $side link set $port master tie0; ip $side link set $port up; done
done${ends("tie0", "tie0")}`,
    unmake:
      "ip link delete leg1; ip link delete leg2; ip link delete tie0; ip -n far link delete tie0",
  },
  {
    name: "a bridge",
    make: `ip link add leg1 type veth peer name leg1 netns far
ip link add tie0 type bridge; ip link set leg1 master tie0; ip link set leg1 up${ends("tie0", "leg1")}`,
    unmake: "ip link delete leg1; ip link delete tie0",
  },
  {
    name: "macvlan",
    make: `ip link add tie0 link near type macvlan mode bridge; ip link set tie0 up
ip address add 10.80.1.1/24 dev tie0; ip -n far address add 10.80.1.2/24 dev far`,
    unmake: "ip link delete tie0; ip -n far address del 10.80.1.2/24 dev far",
  },
  {
    name: "WireGuard",
    make: `umask 077; here=$(wg genkey); there=$(wg genkey)
ip link add tie0 type wireguard; ip -n far link add tie0 type wireguard
wg set tie0 listen-port 51820 private-key <(echo $here) peer $(echo $there | wg pubkey) allowed-ips 10.80.1.2/32 endpoint 10.80.0.2:51820
ip netns exec far wg set tie0 listen-port 51820 private-key <(echo $there) peer $(echo $here | wg pubkey) \\
  allowed-ips 10.80.1.1/32 endpoint 10.80.0.1:51820${ends("tie0", "tie0")}`,
    unmake: "ip link delete tie0; ip -n far link delete tie0",
  },
  { name: "ipip", ...tunnel("ipip") },
  { name: "gre", ...tunnel("gre") },
  {
    name: "PPP",
    make: `modprobe ppp_async
setsid pppd nodetach noauth nocrtscts local 10.80.1.1:10.80.1.2 \\
  pty "ip netns exec far pppd nodetach noauth notty local 10.80.1.2:10.80.1.1" >/tmp/ppp.log 2>&1 </dev/null &
echo $! >/tmp/ppp.pid
for i in $(seq 100); do ip -4 address show dev ppp0 2>/dev/null | grep -q 10.80.1.1 && break; sleep 0.2; done
ip address show dev ppp0 || { cat /tmp/ppp.log; exit 1; }`,
    unmake: "kill $(cat /tmp/ppp.pid); sleep 1",
  },
];

export const links: readonly Step[] = LINKS.map(({ name, make, unmake }) => ({
  name: `a knock through ${name} opens`,
  play: async ({ machine }) => {
    await machine.run(`${makeFar()}\n${make}`);
    await machine.run(knockFrom("10.80.1.1"));
    await machine.run(`${unmake}; ip link delete near`);
  },
}));
