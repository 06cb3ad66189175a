/**
 * The comment of a grant's set elements. It names the holder, for a restarted daemon and for
 * readers of `nft`.
 */

import type { Grant, Via } from "../core/grant.ts";

type Holder = Pick<Grant, "door" | "via" | "user" | "device">;

const BY: Record<Exclude<Via, "rotating">, string> = { fixed: "by-sequence", hand: "by-hand" };

/** "ssh alice/laptop", "legacy by-sequence", "ssh by-hand"; at most 63 + 1 + 65 characters. */
export function formatLabel({ door, via, user, device }: Holder): string {
  return `${door} ${via === "rotating" ? `${user}/${device}` : BY[via]}`;
}

/** The inverse; undefined for a comment that somebody else wrote. */
export function parseLabel(label: string): Holder | undefined {
  const [door, who, extra] = label.split(" ");
  if (door === undefined || who === undefined || extra !== undefined) return undefined;
  if (who === BY.fixed) return { door, via: "fixed" };
  if (who === BY.hand) return { door, via: "hand" };
  const [user, device, more] = who.split("/");
  if (!user || !device || more !== undefined) return undefined;
  return { door, via: "rotating", user, device };
}
