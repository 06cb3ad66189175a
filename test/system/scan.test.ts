/** The view of a scanner, and that no scan opens anything. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { startEcho } from "../support/service.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice"]
open_for = "30s"

[door.legacy]
opens = ["8443/tcp"]
sequence = ["7000", "8000", "9000"]
`;

/** nmap's words for each port: "8080": "closed reset". */
function scanned(lab: Lab, host: "client" | "stranger", ports: string): Record<string, string> {
  const { out } = lab.run(host, [
    ...["nmap", "-n", "-Pn", "-sS", "--reason", "--max-retries", "2", "-oG", "-", "-vv"],
    ...["-p", ports, "10.77.0.1"],
  ]);
  const found = /Ports: ([^\t\n]*)/.exec(out)?.[1] ?? "";
  return Object.fromEntries(found.split(", ").map((entry) => entry.split("/").slice(0, 2)));
}

describe("a scan", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8080);
    await startEcho(lab, "server", 8443);
    server = await new GuardedServer(lab, DOORS, { users: ["alice"] }).start();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  test("finds no difference between a guarded port and any other closed one", () => {
    expect(scanned(lab, "stranger", "8080,8443,8081,4711")).toEqual({
      "8080": "closed",
      "8443": "closed",
      "8081": "closed",
      "4711": "closed",
    });
  });

  test("finds the port open after the knock, from the knocker's address alone", () => {
    expect(server.knock("client", server.link("alice", "web"))).toMatchObject({ code: 0 });
    expect(scanned(lab, "client", "8080,8081")).toEqual({ "8080": "open", "8081": "closed" });
    expect(scanned(lab, "stranger", "8080,8081")).toEqual({ "8080": "closed", "8081": "closed" });
  });

  test.each([
    ["ascending", (ports: number[]) => ports],
    ["descending", (ports: number[]) => ports.toReversed()],
    ["random", shuffled],
  ] as const)("of every port, %s, opens nothing", async (_, order) => {
    const from = server.log.length;
    const all = Array.from({ length: 65_535 }, (__, i) => i + 1);
    sendKnocks(
      lab,
      "stranger",
      order(all).map((port) => ({ to: "10.77.0.1", port })),
    );
    const status = (await (await server.control("/metrics")).text()).match(
      /^sallyport_knocks_total (\d+)/m,
    );
    // The scan was heard: at least the whole knock range of it.
    expect(Number(status?.[1])).toBeGreaterThan(32_768);
    expect(server.log.slice(from)).not.toContain("to 10.77.0.3");
    expect(await (await server.control("/v1/grants")).text()).not.toContain("10.77.0.3");
  });
});

/** The same shuffle in every run, so that a failure can be seen again. */
function shuffled(ports: number[]): number[] {
  let state = 42;
  const random = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  const result = [...ports];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
