/** The doors that this browser has a key for. */

import { pickLink } from "../rks/pick-link.ts";
import { parseProfileLink } from "../rks/profile-link.ts";
import { change, reading, request } from "./database.ts";
import type { Door } from "./door.ts";
import { hideKey, idOf } from "./hidden-key.ts";
import type { Refusal } from "./texts.ts";

/** A link that no page can knock with; `message` is for programmers, and quotes nothing of it. */
export class RefusedLink extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal) {
    super(`The link is refused: ${reason}`);
    this.reason = reason;
  }
}

function parse(text: string) {
  try {
    return parseProfileLink(pickLink(text));
  } catch {
    throw new RefusedLink(/rks1:/i.test(text) ? "broken" : "noLink");
  }
}

/**
 * The door of the link in pasted text. Throws a RefusedLink for text without one, and for doors that
 * browsers cannot knock at.
 */
export async function readDoor(text: string): Promise<Door> {
  const { key: bytes, ...profile } = parse(text);
  if (profile.proto === "udp") throw new RefusedLink("udp");
  if (profile.host.includes("%")) throw new RefusedLink("linkLocal");
  const key = await hideKey(bytes);
  return { ...profile, id: await idOf(key, profile.door), key, launch: true };
}

/** Keeps a door; one with the same key takes its place. */
export async function keepDoor(database: IDBDatabase, door: Door): Promise<void> {
  await change(database, "doors", (doors) => request(doors.put(door)));
}

/** By name of the door, then of the host. */
export async function listDoors(database: IDBDatabase): Promise<Door[]> {
  const doors = await request<Door[]>(reading(database, "doors").getAll());
  return doors.sort((a, b) => a.door.localeCompare(b.door) || a.host.localeCompare(b.host));
}

/** What it used stays known: the link may come back. */
export async function removeDoor(database: IDBDatabase, { id }: Door): Promise<void> {
  await change(database, "doors", (doors) => request(doors.delete(id)));
}
