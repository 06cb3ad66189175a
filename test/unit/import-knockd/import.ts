/** Imports for tests: the same programs and the same draws each time. */

import {
  type Imported,
  importKnockd,
  type KnockdFiles,
} from "../../../src/import-knockd/import-knockd.ts";

const HERE = new Set([
  "iptables",
  "ip6tables",
  "nft",
  "ufw",
  "firewall-cmd",
  "systemctl",
  "docker",
  "curl",
  "logger",
]);

/** Imports a text under the name "knockd.conf", on a machine with few programs. */
export function imported(text: string | Uint8Array, more: Partial<KnockdFiles> = {}): Imported {
  let drawn = 0;
  return importKnockd(
    { name: "knockd.conf", bytes: Buffer.from(text), output: "config.toml", ...more },
    {
      find: (name) => (HERE.has(name) ? `/usr/sbin/${name}` : undefined),
      draw: (below) => (++drawn * 104_729) % below,
    },
  );
}
