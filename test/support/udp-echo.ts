/**
 * A UDP service on a host of a lab that sends back every datagram, broadcast and multicast ones
 * too.
 */

import type { Host, Lab } from "./lab.ts";

const ECHO = `
import select, socket, struct, sys
port = int(sys.argv[1])
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
six.bind(("::", port))
index = socket.if_nametoindex("eth0")
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff02::7777") + struct.pack("@I", index))
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.bind(("0.0.0.0", port))
four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.7.7.7") + socket.inet_aton("10.77.0.1"))
print("listening", flush=True)
while True:
    for s in select.select([six, four], [], [])[0]:
        data, peer = s.recvfrom(4096)
        s.sendto(data, peer)
`;

/** Starts the service and waits until it listens; it ends with the lab. */
export async function startUdpEcho(lab: Lab, host: Host, port: number): Promise<void> {
  const child = lab.start(host, ["python3", "-c", ECHO, String(port)]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (value === undefined) throw new Error(await new Response(child.stderr).text());
}

const ASK = `
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
v6 = ":" in address
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
if v6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
else: s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[3]))
s.settimeout(0.4)
s.sendto(b"ping", (address, port))
try: print("echoed" if s.recvfrom(4096)[0] == b"ping" else "mute")
except TimeoutError: print("silent")
`;

/**
 * Sends one datagram, which may go to a broadcast or multicast address: "echoed" or "silent"; an ICMP
 * error counts as silence.
 */
export function askUdp(
  lab: Lab,
  host: "client" | "stranger",
  address: string,
  port: number,
): string {
  const own = lab.address4[host];
  return lab.run(host, ["python3", "-c", ASK, address, String(port), own]).out.trim();
}
