/** The control service where the kernel refuses what a command asks for. */

import { expect, test } from "bun:test";
import {
  ControlService,
  type ControlServiceParts,
} from "../../../src/control-plane/control-service.ts";
import { OwedCloses } from "../../../src/control-plane/owed-closes.ts";
import { KeyTable } from "../../../src/rks/key-table.ts";
import type { AuditRecord } from "../../../src/store/audit-record.ts";
import { HandClock, settingsOf } from "../../support/daemon.ts";
import { grantOf, KEY } from "../../support/store.ts";

test("reloadKeys() notes which keys are in force also where a grant of a removed one stays", async () => {
  const grant = grantOf("203.0.113.7");
  const { user = "", device = "" } = grant;
  const settings = settingsOf([]);
  const noted: AuditRecord[] = [];
  const control = new ControlService({
    file: "config.toml",
    clock: new HandClock(),
    inForce: { configuration: { settings, keys: KeyTable.from([]) } },
    reloader: {
      reloadKeys: () => Promise.resolve({ keys: KeyTable.from([{ user, device, key: KEY }]) }),
    },
    dataPlane: { to: () => {}, grants: () => Promise.resolve([grant]) },
    closes: new OwedCloses(() => Promise.reject(new Error("Cannot close it: no memory"))),
    persistent: { note: (record: AuditRecord) => noted.push(record), audit: { flush: () => {} } },
  } as unknown as ControlServiceParts);
  const refusal = await control.reloadKeys({}).catch((error: Error) => error.message);
  expect(refusal).toBe(
    "The keys are in force, but 1 grant of a removed key could not be ended: Cannot close it: no memory; that is tried again until it is done",
  );
  expect(noted).toMatchObject([{ type: "keys.reloaded", change: expect.stringContaining(user) }]);
});
