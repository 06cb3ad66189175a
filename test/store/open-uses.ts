/** Opens the uses of a folder in a process of its own, and prints what came of it. */

import { UseStore } from "../../src/store/uses.ts";

const notices: string[] = [];
const { store, trust } = UseStore.open(process.argv[2]!, {
  bootId: "another",
  nowMs: Date.now(),
  report: ({ message }) => notices.push(message),
});
console.log(JSON.stringify({ trust, notices, uses: store.all() }));
