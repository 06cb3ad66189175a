/** Requests to the data plane around its begin; the line to it is data here. */

import { expect, test } from "bun:test";
import { DataPlaneAccess } from "../../../src/control-plane/data-plane-access.ts";
import type { DataPlaneLink } from "../../../src/control-plane/data-plane-link.ts";
import { messageOf, SallyportError } from "../../../src/core/errors.ts";
import { grantOf } from "../../support/store.ts";

function accessTo(replies: Readonly<Record<string, () => unknown>>) {
  const asked: string[] = [];
  const ask = async ({ type }: { type: string }) => {
    asked.push(type);
    return replies[type]!();
  };
  return { access: new DataPlaneAccess({ ask } as unknown as DataPlaneLink), asked };
}

test("DataPlaneAccess.begin() asks for the living grants before the data plane has replied", async () => {
  const begun = Promise.withResolvers<unknown>();
  const grants = [grantOf("203.0.113.7"), grantOf("203.0.113.8")];
  const pages = [{ grants: grants.slice(0, 1), next: 1 }, { grants: grants.slice(1) }];
  const { access, asked } = accessTo({ begin: () => begun.promise, grants: () => pages.shift() });
  const beginning = access.begin([]);
  expect(asked).toEqual(["begin", "grants"]);
  expect(access.hasBegun).toBeFalse();
  begun.resolve({ restored: 2, uses: [] });
  const { living, ...kept } = await beginning;
  expect(access.hasBegun).toBeTrue();
  expect(kept).toEqual({ restored: 2, uses: [] } as never);
  expect(await living).toEqual(grants);
});

test("DataPlaneAccess.begin() rejects once where the data plane refuses, and has not begun", async () => {
  const refuse = () => Promise.reject(new SallyportError("Cannot list grants"));
  const { access } = accessTo({ begin: refuse, grants: refuse });
  expect(await access.begin([]).catch(messageOf)).toBe("Cannot list grants");
  expect(access.hasBegun).toBeFalse();
  await Bun.sleep(0); // a rejection that nobody hears would fail this test
});
