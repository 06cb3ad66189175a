/** Sends bare knocks from a host of a lab: any ports, any of its addresses, in any order. */

import type { Host, Lab } from "./lab.ts";
import { parseProfileLink } from "../../src/rks/profile-link.ts";
import { sequencePorts } from "../../src/rks/sequence.ts";
import { slotAt } from "../../src/rks/slot.ts";

export interface BareKnock {
  readonly to: string;
  readonly port: number;
  readonly proto?: "tcp" | "udp";
  /** One of the host's own addresses; default: the kernel's choice. */
  readonly from?: string;
}

/** One SYN a knock: the connection is closed before anything could be sent again. */
const SENDER = `
import json, socket, sys
for knock in json.load(sys.stdin):
    family = socket.AF_INET6 if ":" in knock["to"] else socket.AF_INET
    udp = knock.get("proto") == "udp"
    s = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    s.setblocking(False)
    if "from" in knock: s.bind((knock["from"], 0))
    if udp: s.sendto(b"", (knock["to"], knock["port"]))
    else: s.connect_ex((knock["to"], knock["port"]))
    s.close()
`;

/** The program, and its input, that sends all knocks in this order, as fast as one process can. */
export function knockSender(knocks: readonly BareKnock[]): { argv: string[]; input: string } {
  return { argv: ["python3", "-c", SENDER], input: JSON.stringify(knocks) };
}

/** Runs it on a host of a lab. */
export function sendKnocks(lab: Lab, host: Host, knocks: readonly BareKnock[]): void {
  const { argv, input } = knockSender(knocks);
  lab.run(host, argv, { input });
}

/** The ports a profile link stands for, `ahead` slots from now. */
export function portsOf(link: string, ahead = 0): number[] {
  const profile = parseProfileLink(link);
  const slot = slotAt(Date.now(), profile.stepSeconds) + ahead;
  return [...sequencePorts(profile.key, profile.door, profile, slot)];
}
