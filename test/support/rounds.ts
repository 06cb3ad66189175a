/** How often a test of random cases plays. */

/** `scripts/test --quick` sets it. */
const IS_QUICK = process.env["SALLYPORT_QUICK"] === "1";

/** `whole` rounds in the gate, a tenth of them in the quick lane. */
export function rounds(whole: number): number {
  return IS_QUICK ? Math.ceil(whole / 10) : whole;
}
