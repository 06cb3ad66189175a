/** A trial: one promise of sallyport, one attack on it, and the measurement. */

/** "quick" takes a few seconds and proves that the trial works; "full" is the attack as it is published. */
export type Scale = "quick" | "full";

/** The result of an attack. */
export interface Finding {
  /** The promise held. */
  readonly held: boolean;
  /** One sentence or less, with the figures. */
  readonly measured: string;
}

/** Daemons of the same kind that face the same attack. */
export type Peer = "knockd" | "fwknopd";

export interface Trial {
  /** "P2": the numbers of docs/torture.md. */
  readonly promise: `P${number}`;
  /** Begins the trial's name; unique together with the promise. */
  readonly attack: string;
  /** The part that must be built before the promise can hold; absent once it is built. */
  readonly awaits?: string;
  readonly play: (scale: Scale) => Promise<Finding>;
  readonly peers?: Partial<Record<Peer, (scale: Scale) => Promise<Finding>>>;
}

/** A finding from the wanted and the observed results; any difference is a broken promise. */
export function finding(held: boolean, measured: string): Finding {
  return { held, measured };
}
