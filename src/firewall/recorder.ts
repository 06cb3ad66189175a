/** A firewall that only remembers: it takes the kernel's place in `replay`, dry runs and tests. */

import type { Address } from "../core/address.ts";
import { formatAddress, sameAddress } from "../core/address.ts";
import type { Port, PortRange } from "../core/port.ts";
import { grantedAddress, isIn, singlePorts } from "./element-key.ts";
import { DEFAULT_MAX_MS } from "./firewall.ts";
import type { CloseRequest, Firewall, GrantKind, GrantRequest } from "./firewall.ts";
import type { KernelGrant, Need, Use, Which } from "./firewall.ts";

interface Recorded {
  readonly grant: Omit<KernelGrant, "remainingMs" | "maxRemainingMs">;
  readonly endMs: number;
  readonly maxEndMs: number;
}

/** Behaves like `KernelGrants`, on a clock that the caller passes; there are no packets. */
export class RecordingFirewall implements Firewall {
  /** Every request in its order, without the refused ones ("used"). */
  readonly opened: GrantRequest[] = [];
  readonly closed: CloseRequest[] = [];
  readonly #nowMs: () => number;
  readonly #grants = new Map<string, Recorded>();
  readonly #uses = new Map<string, { readonly id: Uint8Array; readonly endMs: number }>();

  /** `nowMs` never steps back. Default: a clock that stands still, so that nothing ends. */
  constructor(nowMs: () => number = () => 0) {
    this.#nowMs = nowMs;
  }

  open(request: GrantRequest): "opened" | "used" {
    const { use, kind, prefix6, label, idleMs } = request;
    if (use !== undefined && this.#living(this.#uses.get(useKey(use)))) return "used";
    if (use !== undefined) this.#remember(use);
    const address = grantedAddress(request.address, prefix6);
    for (const port of singlePorts(request.ports)) {
      const key = elementKey({ kind, idleMs: idleMs ?? request.openMs }, address, port);
      const before = this.#living(this.#grants.get(key));
      const endMs = this.#nowMs() + request.openMs;
      const longer = (before?.endMs ?? 0) >= endMs;
      const family6 = address.family === 6;
      const grant: Recorded["grant"] = {
        kind,
        address,
        prefix6: family6 ? prefix6 : 128,
        port,
        label,
        ...(kind === "idle" && { idleMs: idleMs ?? request.openMs }),
      };
      const maxEndMs = this.#nowMs() + (request.maxMs ?? DEFAULT_MAX_MS);
      const stoodMaxMs = this.#grants.get(key)?.maxEndMs ?? 0;
      this.#grants.set(key, {
        grant: longer ? before!.grant : grant,
        endMs: longer ? before!.endMs : endMs,
        maxEndMs: Math.max(maxEndMs, stoodMaxMs),
      });
    }
    this.opened.push(request);
    return "opened";
  }

  close(request: CloseRequest): void {
    const { prefix6, ports, keep = [] } = request;
    const nowMs = this.#nowMs();
    const address = grantedAddress(request.address, prefix6);
    const stood = new Map(this.#grants);
    for (const [key, { grant }] of this.#grants) {
      if (isAbout(grant, address, ports)) this.#grants.delete(key);
    }
    for (const need of keep) {
      const needed = singlePorts(need.ports).filter((port) => ports.some((one) => isIn(port, one)));
      for (const port of needed) this.#keep(need, { address, prefix6, port }, stood, nowMs);
    }
    this.closed.push(request);
  }

  /**
   * Like an element in the kernel: one that traffic or a connection may have ended gets no new
   * life.
   */
  #keep(
    { kind, idleMs, label, lifeMs, capMs = 0 }: Need,
    { address, prefix6, port }: Pick<KernelGrant, "address" | "prefix6" | "port">,
    stood: ReadonlyMap<string, Recorded>,
    nowMs: number,
  ): void {
    const key = elementKey({ kind, idleMs }, address, port);
    const stoodMs = Math.max(0, (stood.get(key)?.endMs ?? 0) - nowMs);
    const mayEnd = kind === "idle" || kind === "once";
    const keptMs = mayEnd ? Math.min(lifeMs, stoodMs) : lifeMs;
    if (keptMs <= 0) return;
    const kept = this.#grants.get(key);
    const endMs = nowMs + keptMs;
    const bits = address.family === 6 ? prefix6 : 128;
    const idle = idleMs !== undefined && { idleMs };
    this.#grants.set(key, {
      grant:
        kept !== undefined && kept.endMs >= endMs
          ? kept.grant
          : { kind, address, prefix6: bits, port, label, ...idle },
      endMs: Math.max(endMs, kept?.endMs ?? 0),
      maxEndMs: Math.max(nowMs + capMs, kept?.maxEndMs ?? 0),
    });
  }

  livesMs(address: Address, ports: readonly PortRange[], which: Which): number[] {
    const nowMs = this.#nowMs();
    return singlePorts(ports).map((port) => {
      const found = this.#grants.get(elementKey(which, address, port));
      return Math.max(0, (found?.endMs ?? 0) - nowMs);
    });
  }

  capsMs(address: Address, ports: readonly PortRange[], idleMs: number): number[] {
    const nowMs = this.#nowMs();
    return singlePorts(ports).map((port) => {
      const found = this.#grants.get(elementKey({ kind: "idle", idleMs }, address, port));
      return Math.max(0, (found?.maxEndMs ?? 0) - nowMs);
    });
  }

  list(): KernelGrant[] {
    const nowMs = this.#nowMs();
    const grants: KernelGrant[] = [];
    for (const { grant, endMs, maxEndMs } of this.#grants.values()) {
      if (endMs <= nowMs) continue;
      const max = grant.kind === "idle" && { maxRemainingMs: Math.max(0, maxEndMs - nowMs) };
      grants.push({ ...grant, remainingMs: endMs - nowMs, ...max });
    }
    return grants;
  }

  uses(): Uint8Array[] {
    return [...this.#uses.values()].filter((use) => this.#living(use)).map(({ id }) => id);
  }

  remember(uses: readonly Use[]): void {
    for (const use of uses) {
      if (!this.#living(this.#uses.get(useKey(use)))) this.#remember(use);
    }
  }

  #remember(use: Use): void {
    this.#uses.set(useKey(use), { id: use.id.slice(), endMs: this.#nowMs() + use.forMs });
  }

  #living<T extends { readonly endMs: number }>(record: T | undefined): T | undefined {
    return record !== undefined && record.endMs > this.#nowMs() ? record : undefined;
  }
}

function useKey({ id }: Use): string {
  return Buffer.from(id).toString("hex");
}

function isAbout(
  grant: Pick<KernelGrant, "address" | "port">,
  address: Address,
  ports: readonly PortRange[],
): boolean {
  return sameAddress(grant.address, address) && ports.some((range) => isIn(grant.port, range));
}

function elementKey(
  { kind, idleMs }: { readonly kind: GrantKind; readonly idleMs?: number | undefined },
  address: Address,
  { proto, port }: Port,
): string {
  const set = kind === "idle" ? `idle ${idleMs}` : kind;
  return `${set} ${formatAddress(address)} ${proto} ${port}`;
}
