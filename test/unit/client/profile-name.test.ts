/** What a profile is called that nobody named. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveProfile } from "../../../src/client/profile-files.ts";
import { suggestName } from "../../../src/client/profile-name.ts";
import { encodeBase32 } from "../../../src/rks/base32.ts";
import { parseProfileLink } from "../../../src/rks/profile-link.ts";

const KEY = encodeBase32(new Uint8Array(32).fill(0xc3));
const to = (host: string, door: string) =>
  parseProfileLink(`rks1://alice@${host}/${door}?key=${KEY}&opens=22/tcp`);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-profiles-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Saves each profile under its suggested name; returns these. */
function named(...profiles: readonly ReturnType<typeof to>[]): string[] {
  return profiles.map((profile) => {
    const name = suggestName(folder, profile);
    saveProfile(folder, name, profile, true);
    return name;
  });
}

test("suggestName() takes the host, then the door as well, then a number", () => {
  const hosts = ["gate.example", "gate.test", "gate.invalid"];
  expect(named(...hosts.map((host) => to(host, "ssh")))).toEqual([
    "gate",
    "gate-ssh",
    "gate-ssh-2",
  ]);
});

test("suggestName() takes the door of an address, and never says it twice", () => {
  const hosts = ["192.0.2.1", "[2001:db8::1]", "192.0.2.2"];
  expect(named(...hosts.map((host) => to(host, "web")))).toEqual(["web", "web-2", "web-3"]);
});

test("suggestName() stays the same for the same door, and within 32 characters", () => {
  const long = "a-door-with-a-name-of-30-letters";
  expect(named(to("192.0.2.1", long), to("192.0.2.1", long), to("192.0.2.2", long))).toEqual([
    long,
    long,
    "a-door-with-a-name-of-30-lette-2",
  ]);
});

test("suggestName() leaves the name of a profile that cannot be read", () => {
  // With --force the key in it would be lost, though a chmod mends it.
  chmodSync(saveProfile(folder, "gate", to("gate.test", "ssh")), 0o644);
  expect(named(to("gate.example", "ssh"))).toEqual(["gate-ssh"]);
});
