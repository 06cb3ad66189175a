/** A state folder for one test, and the notices of the stores in it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DaemonEvent } from "../../src/core/events.ts";
import { grantId } from "../../src/core/grant.ts";
import type { Grant } from "../../src/core/grant.ts";
import type { StoreNotice } from "../../src/store/state-file.ts";
import { keyFingerprint, type Use } from "../../src/store/use.ts";
import { type OpenedUses, UseStore } from "../../src/store/uses.ts";

export const NOW = Date.parse("2026-05-01T10:00:00Z");
export const BOOT = "11111111-1111-4111-8111-111111111111";
export const NEXT_BOOT = "22222222-2222-4222-8222-222222222222";

export const KEY = new Uint8Array(32).fill(0x5a);

export class StateFolder implements Disposable {
  readonly path: string;
  readonly notices: StoreNotice[] = [];
  readonly report = (notice: StoreNotice) => void this.notices.push(notice);

  /** In `parent`; without it, in a folder that anybody may write to. */
  constructor(parent = tmpdir()) {
    this.path = mkdtempSync(join(parent, "sallyport-store-"));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  openUses(bootId = BOOT, nowMs = NOW, kernelKept = () => true): OpenedUses {
    return UseStore.open(this.path, { bootId, nowMs, report: this.report, kernelKept });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function useAt(slot: number, more: Partial<Use> = {}): Use {
  return {
    door: "ssh",
    user: "alice",
    device: "laptop",
    fingerprint: keyFingerprint(KEY),
    stepSeconds: 30,
    slot,
    source: "203.0.113.7",
    timeMs: slot * 30_000,
    ...more,
  };
}

export function grantOf(address: string, more: Partial<Grant> = {}): Grant {
  const alice = { via: "rotating", user: "alice", device: "laptop" } as const;
  return {
    id: grantId(more.door ?? "ssh", address, { ...alice, ...more }),
    door: "ssh",
    address,
    ports: [{ proto: "tcp", from: 22, to: 22 }],
    kind: "plain",
    via: "rotating",
    user: "alice",
    device: "laptop",
    openedMs: NOW,
    expiresMs: NOW + 30_000,
    ...more,
  };
}

export function opened(atMs: number, grant = grantOf("203.0.113.7")): DaemonEvent {
  return {
    type: "grant.opened",
    atMs,
    grant,
    renewed: false,
    source: grant.address,
    latencyMs: 0.4,
  };
}
