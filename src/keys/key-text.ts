/** The text of keys.toml as sallyport itself writes it, and a reader for exactly that. */

import { decodeBase32, encodeBase32 } from "../rks/base32.ts";
import { KeyTable } from "../rks/key-table.ts";
import type { DeviceKey } from "./keys.ts";

const HEAD =
  '# Keys of sallyport, one per device: whoever reads this file can knock. Written by "sallyport user".\n';

/** The text of a keys.toml; `parseKeys` reads it back equal. */
export function formatKeys(keys: readonly DeviceKey[]): string {
  const tables = keys.map(({ user, device, key, addedMs }) => {
    const added = addedMs === undefined ? "" : `added = ${new Date(addedMs).toISOString()}\n`;
    return `\n["${user}/${device}"]\nkey = "${encodeBase32(key)}"\n${added}`;
  });
  return `${HEAD}${tables.join("")}`;
}

const NAME = "[a-z0-9][a-z0-9._-]{0,31}";
/** One table of `formatKeys`. */
const TABLE = new RegExp(
  `\\n\\["(${NAME})/(${NAME})"\\]\\nkey = "([A-Z2-7]{52})"\\n(?:added = (\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z)\\n)?`,
  "y",
);

/**
 * The keys of a text that `formatKeys` wrote, one by one; returns whether the text was such a one
 * to its end. A person may have edited it: then the TOML parser reads it and tells what is wrong.
 * That parser takes ten times the memory of the text, at a hundred thousand keys more than the
 * whole rest of the daemon.
 */
export function* readKeyText(text: string): Generator<DeviceKey, boolean> {
  if (!text.startsWith(HEAD)) return false;
  let at = HEAD.length;
  while (at < text.length) {
    TABLE.lastIndex = at;
    const found = TABLE.exec(text);
    if (found === null) return false;
    at = TABLE.lastIndex;
    const [, user = "", device = "", written = "", added] = found;
    const key = decodeBase32(written);
    const addedMs = added === undefined ? undefined : Date.parse(added);
    if (key === undefined || Number.isNaN(addedMs)) return false;
    yield { user, device, key, ...(addedMs !== undefined && { addedMs }) };
  }
  return true;
}

/**
 * As `readKeyText`, all at once. Undefined where `formatKeys` did not write the text, or two
 * devices share a name or a key.
 */
export function readKeyTable(text: string): KeyTable | undefined {
  let whole = false;
  const table = KeyTable.from(
    (function* () {
      whole = yield* readKeyText(text);
    })(),
  );
  return whole && !table.hasTwins ? table : undefined;
}
