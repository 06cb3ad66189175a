/** Compares docs/api.md with the API that it describes. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { FakeControl } from "../../support/fake-control.ts";
import { parseExposition } from "./parse-exposition.ts";
import { REASONS } from "../../../src/api/control.ts";
import { controlApp } from "../../../src/api/control-app.ts";
import { healthApp } from "../../../src/api/health-app.ts";

const doc = await Bun.file(join(import.meta.dir, "../../../docs/api.md")).text();

/** The cells of the rows between a line that begins with `from` and the next empty line. */
function tableAfter(from: string): string[][] {
  const start = doc.indexOf(`\n${from}`) + 1;
  const rows = doc.slice(start, doc.indexOf("\n\n", doc.indexOf("|---", start))).split("\n");
  return rows
    .filter((row) => row.startsWith("| "))
    .slice(1)
    .map((row) => row.split("|").map((cell) => cell.trim()));
}

test("docs/api.md lists every reason code, and no other", () => {
  const codes = tableAfter("| code | meaning").map(([, code]) => code!.replaceAll("`", ""));
  expect(codes).toEqual(Object.keys(REASONS));
});

test("docs/api.md says of every metric which listener shows it", async () => {
  const rows = tableAfter("| metric | TCP").flatMap(([, names = "", tcp, unix]) =>
    [...names.matchAll(/`([a-z_]+)(\{[a-z,]+\}_total)?(?:\{[a-z]+\})?`/g)].flatMap(
      ([, name = "", braces]) =>
        (braces?.slice(1, -"}_total".length).split(",") ?? [""]).map((part) => ({
          name: braces === undefined ? name : `${name}${part}_total`,
          tcp: tcp === "yes",
          unix: unix === "yes",
        })),
    ),
  );
  const shown = async (app: ReturnType<typeof healthApp>) =>
    [...parseExposition(await (await app.request("/metrics")).text()).keys()].toSorted();
  const documented = (listener: "tcp" | "unix") =>
    rows
      .filter((row) => row[listener])
      .map(({ name }) => name)
      .toSorted();
  expect(documented("tcp")).toEqual(await shown(healthApp(new FakeControl())));
  expect(documented("unix")).toEqual(await shown(controlApp(new FakeControl())));
});
