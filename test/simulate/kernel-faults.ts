/** How the next transactions, lists and look-ups fail. */

/**
 * What becomes of a transaction: the kernel refuses it, has no memory for its reply, or moves the elements of the set
 * that it adds to.
 */
const CHANGE_FAULTS = ["no memory", "no reply", "a busy set"] as const;
export type ChangeFault = (typeof CHANGE_FAULTS)[number];
/** What becomes of a question: others change the set at each try to list it, or the answers of a look-up are lost. */
export type ReadFault = "an interrupted list" | "a lost answer";
export type KernelFault = ChangeFault | ReadFault;

export class KernelFaults {
  readonly #changes: ChangeFault[] = [];
  readonly #reads: ReadFault[] = [];
  readonly #cameTrue: (fault: KernelFault) => void;

  constructor(cameTrue: (fault: KernelFault) => void) {
    this.#cameTrue = cameTrue;
  }

  /** Whether the next transaction fails. */
  get awaitsTransaction(): boolean {
    return this.#changes.length > 0;
  }

  /** The next transactions, lists or look-ups fail in these ways, one each. */
  add(...faults: readonly KernelFault[]): void {
    for (const fault of faults) {
      if (isChangeFault(fault)) this.#changes.push(fault);
      else this.#reads.push(fault);
    }
  }

  /** Whether a question fails in this way, now and not again. */
  comesTrue(fault: ReadFault): boolean {
    const at = this.#reads.indexOf(fault);
    if (at < 0) return false;
    this.#reads.splice(at, 1);
    this.#cameTrue(fault);
    return true;
  }

  /** How a transaction fails now; undefined where it does not. A busy set waits for one that `adds`. */
  ofTransaction(adds: boolean): ChangeFault | undefined {
    if (this.#changes[0] === "a busy set" && !adds) return undefined;
    const fault = this.#changes.shift();
    if (fault !== undefined) this.#cameTrue(fault);
    return fault;
  }

  /** Whether a load of the guard is refused now; a reply that has no memory waits for a transaction. */
  refusesLoad(): boolean {
    return this.#changes[0] === "no memory" && this.ofTransaction(false) !== undefined;
  }

  clear(): void {
    this.#changes.length = 0;
    this.#reads.length = 0;
  }
}

function isChangeFault(fault: KernelFault): fault is ChangeFault {
  return CHANGE_FAULTS.some((one) => one === fault);
}
