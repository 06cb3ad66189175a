/** nft's listings as JSON (libnftables-json(5)). */

import { OpError } from "../core/errors.ts";

/**
 * The entries of a listing. Throws OpError, about `object`, where libnftables was built without
 * JSON; `instead` is a remedy other than another library.
 */
export function nftEntries(output: string, object: string, instead?: string): readonly unknown[] {
  try {
    return (JSON.parse(output) as { readonly nftables: readonly unknown[] }).nftables;
  } catch (error) {
    const remedy = "install a libnftables with JSON";
    throw new OpError(
      {
        operation: "read",
        object,
        detail: "libnftables printed no JSON",
        code: 0,
        remedy: instead === undefined ? remedy : `${remedy}, or ${instead}`,
      },
      { cause: error },
    );
  }
}
