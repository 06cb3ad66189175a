/** Bugs in the end of a grant by hand and by a sequence. */

import { mutation, type Mutation } from "./mutation.ts";

export const CLOSES: readonly Mutation[] = [
  mutation(
    "a grant closed by hand stays",
    "data-plane/grant-ends.ts",
    "    firewall.close(closeRequest(",
    '    if (sessions === "keep") firewall.close(closeRequest(',
  ),
  mutation(
    "a knock does not lift what a close by hand refuses",
    "firewall/slots.ts",
    'slots.push({ set: SET.door("revoked", family), port, address: refused, ms: 0 });',
    "void refused;",
  ),
  mutation(
    "a close takes the elements that another holder needs",
    "data-plane/grant-request.ts",
    "    keep: others.map(needOf),",
    "    keep: [],",
  ),
  mutation(
    "a close by hand ends no session",
    "firewall/grants.ts",
    "    this.#kernel.endSessions(address, prefix6, ports, spared);",
    "    void spared;",
  ),
  mutation(
    "a close by hand ends the sessions of another holder",
    "firewall/grants.ts",
    "others.some((other) => other.covers(peer, port));",
    "others.some((other) => other.covers(peer, port)) && port.port < 0;",
  ),
  mutation(
    "a close by hand refuses another holder",
    "firewall/grants.ts",
    "      if (others.some((other) => other.overlaps(address, prefix6, port))) continue;\n",
    "",
  ),
  mutation(
    "what was closed by hand may come back",
    "firewall/grants.ts",
    "for (const port of end ? singlePorts(ports) : []) {",
    "for (const port of !end ? singlePorts(ports) : []) {",
  ),
  mutation(
    "a closing sequence closes nothing",
    "data-plane/doorkeeper.ts",
    "      this.#tryClose(id);\n      return;",
    "      return;",
  ),
  mutation(
    "a closing knock that the kernel refuses ends the daemon",
    "data-plane/doorkeeper.ts",
    "this.#tryClose(id);",
    'this.#close(id, "knock");',
  ),
  mutation(
    "a close ends all grants of the address",
    "data-plane/doorkeeper.ts",
    "    this.#ended(grant, reason);\n    return grant;",
    '    this.#ended(grant, reason);\n    for (const { grant: o } of this.ends.others(grant.address, id)) { this.ends.withdraw(o, "keep"); this.#ended(o, reason); }\n    return grant;',
  ),
];
