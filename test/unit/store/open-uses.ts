/**
 * Opens the uses of a folder in a process of its own and prints the result. With "hold" it uses
 * slot 100 and keeps the file until standard input ends.
 */

import { UseStore } from "../../../src/store/uses.ts";
import { BOOT, useAt } from "../../support/store.ts";

const notices: string[] = [];
const { store, trust } = UseStore.open(process.argv[2]!, {
  bootId: BOOT,
  nowMs: Date.now(),
  report: ({ message }) => notices.push(message),
});
if (process.argv[3] === "hold") {
  store.record(useAt(100));
  store.flush();
}
console.log(JSON.stringify({ trust, notices, uses: store.all() }));
if (process.argv[3] === "hold") {
  await Bun.stdin.text();
  store.close(Date.now());
}
