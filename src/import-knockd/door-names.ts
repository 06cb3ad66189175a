/** Names of doors, made from the names of sections. */

const MOST = 63;

/** "openSSH", "SSH open", "closeSSH" and "opencloseSSH" are all about a door "ssh". */
export function plainName(section: string): string {
  const words = section
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .normalize("NFD")
    .replaceAll(/\p{Mark}/gu, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    // A longer run of letters and digits is refused as a name: it could be a key.
    .replaceAll(/[a-z0-9]{26,}/g, (run) => run.slice(0, 20))
    .replaceAll(/^-+|-+$/g, "");
  const bare = words
    .replace(/^(?:open-?close|open|close|start|knock)-/, "")
    .replace(/-(?:open|close)$/, "");
  return (/[a-z0-9]/.test(bare) ? bare : words).slice(0, MOST).replace(/-+$/, "");
}

/** A name for a section that no other section has yet. */
export function doorName(section: string, taken: ReadonlySet<string>): string {
  const plain = plainName(section) || "door";
  for (let n = 1; ; n++) {
    const name = n === 1 ? plain : `${plain.slice(0, MOST - `-${n}`.length)}-${n}`;
    if (!taken.has(name)) return name;
  }
}
