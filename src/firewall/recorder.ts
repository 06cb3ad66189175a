/** A firewall that only remembers: stands in for the kernel in `replay`, dry runs and tests. */

import type { Address } from "../core/address.ts";
import { formatAddress, sameAddress } from "../core/address.ts";
import type { PortRange } from "../core/port.ts";
import { grantedAddress, singlePorts } from "./element-key.ts";
import { DEFAULT_MAX_MS } from "./firewall.ts";
import type { CloseRequest, Firewall, GrantRequest, KernelGrant, Use } from "./firewall.ts";

interface Recorded {
  readonly grant: Omit<KernelGrant, "remainingMs" | "maxRemainingMs">;
  readonly endMs: number;
  readonly maxEndMs: number;
}

/** Behaves as `KernelGrants` does, on a clock that is handed in; packets do not exist. */
export class RecordingFirewall implements Firewall {
  /** Every request in its order, refused ones ("used") left out. */
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
      const key = `${kind} ${formatAddress(address)} ${port.proto} ${port.port}`;
      const before = this.#living(this.#grants.get(key));
      const endMs = this.#nowMs() + request.openMs;
      this.#grants.set(key, {
        grant: {
          kind,
          address,
          prefix6: address.family === 6 ? prefix6 : 128,
          port,
          label,
          ...(kind === "idle" && { idleMs: idleMs ?? request.openMs }),
        },
        endMs: request.shorten === true ? endMs : Math.max(endMs, before?.endMs ?? 0),
        maxEndMs: this.#nowMs() + (request.maxMs ?? DEFAULT_MAX_MS),
      });
    }
    this.opened.push(request);
    return "opened";
  }

  close(request: CloseRequest): void {
    const address = grantedAddress(request.address, request.prefix6);
    for (const [key, { grant }] of this.#grants) {
      if (isAbout(grant, address, request.ports)) this.#grants.delete(key);
    }
    this.closed.push(request);
  }

  remainingMs(address: Address, ports: readonly PortRange[]): number {
    const own = this.list().filter((grant) => isAbout(grant, address, ports));
    return Math.max(0, ...own.map((grant) => grant.remainingMs));
  }

  capMs(address: Address, ports: readonly PortRange[]): number {
    const nowMs = this.#nowMs();
    const own = [...this.#grants.values()].filter(
      ({ grant }) => grant.kind === "idle" && isAbout(grant, address, ports),
    );
    return Math.max(0, ...own.map(({ maxEndMs }) => maxEndMs - nowMs));
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
  const { proto, port } = grant.port;
  return (
    sameAddress(grant.address, address) &&
    ports.some((range) => range.proto === proto && range.from <= port && port <= range.to)
  );
}
