/**
 * Writes uses, debts and events as fast as it can, and reports which are in the files; made to be
 * killed.
 */

import { writeSync } from "node:fs";
import { AuditLog } from "../../src/store/audit.ts";
import { OwedCommands } from "../../src/store/owed.ts";
import { UseStore } from "../../src/store/uses.ts";
import { BOOT, NOW, opened, useAt } from "./store.ts";

const [folder = "", mode = ""] = process.argv.slice(2);
const fail = ({ message }: { readonly message: string }) => {
  throw new Error(message);
};
const { store } = UseStore.open(folder, { bootId: BOOT, nowMs: NOW, report: fail });
const audit = new AuditLog(folder, { nowMs: NOW, report: fail });
const owed = new OwedCommands(folder, { nowMs: NOW, report: fail });

for (let n = 1; ; n++) {
  store.record(useAt(n));
  audit.add(opened(NOW + n));
  const grant = String(n);
  owed.owe({
    grant,
    door: "lights",
    address: "192.0.2.1",
    argv: ["/bin/true"],
    privileged: false,
    endsMs: NOW,
  });
  if (n > 20) {
    const claim = owed.end(String(n - 20));
    if (claim !== undefined) owed.begin(claim.number);
    if (n % 2 === 0 && claim !== undefined) owed.settle(claim.number);
  }
  if (!store.flush() || !audit.flush()) throw new Error("not written");
  // Straight into the pipe: reports must not wait in a buffer that dies with this process.
  writeSync(1, `${n}\n`);
  if (mode === "once" && n === 3) process.kill(process.pid, "SIGKILL");
}
