/** `scripts/simulate --mutations`: puts every bug of `mutations.ts` into the code, and tells which are found. */

import { MUTATIONS } from "./mutations.ts";
import { hunt } from "./seeded-bugs.ts";

/** Seconds of the processor's time for each bug. */
const PATIENCE = Number(process.argv[2] ?? 60);
const only = process.argv[3];

const missed: string[] = [];
for (const mutation of MUTATIONS.filter(({ name }) => only === undefined || name.includes(only))) {
  const beganMs = performance.now();
  const { found, output } = hunt(mutation, PATIENCE);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1);
  const said = output.split("\n").find((line) => line.includes("breaks a promise")) ?? "";
  console.log(
    `${found ? "found" : "MISSED"} in ${seconds} s: ${mutation.name}: ${found ? said : output.slice(-300)}`,
  );
  if (!found) missed.push(mutation.name);
}
console.log(`${MUTATIONS.length - missed.length} of ${MUTATIONS.length} found`);
process.exit(missed.length === 0 ? 0 : 1);
