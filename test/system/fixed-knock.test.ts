/** Fixed sequences as knockd's users have them, with knockd's own client. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { sendKnocks } from "../support/knocks.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const DOORS = `
[door.legacy]
opens = ["8443/tcp"]
sequence = ["7000", "8000/udp", "9000"]
close_sequence = ["9000", "8000/udp", "7000"]
open_for = "1h"
`;

describe("a fixed door", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "server", 8443);
    server = await new GuardedServer(lab, DOORS).start();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  async function closeAgain(from: number): Promise<void> {
    lab.run("client", ["knock", "10.77.0.1", "9000", "8000:udp", "7000"]);
    await server.waitForLog(/Closed legacy to 10\.77\.0\.2/, from);
  }

  test.each(["10.77.0.1", "fd77::1"] as const)(
    "opens to Debian's knock on %s, and closes to its close sequence",
    async (host) => {
      const from = server.log.length;
      expect(probe(lab, "client", host, 8443)).toBe("refused");
      lab.run("client", ["knock", host, "7000", "8000:udp", "9000"]);
      await server.waitForLog(/Opened legacy/, from);
      expect(probe(lab, "client", host, 8443)).toBe("open");
      expect(probe(lab, "stranger", host, 8443)).toBe("refused");
      lab.run("stranger", ["knock", host, "9000", "8000:udp", "7000"]);
      expect(probe(lab, "client", host, 8443)).toBe("open");
      lab.run("client", ["knock", host, "9000", "8000:udp", "7000"]);
      await server.waitForLog(/Closed legacy to .*: closed by its close knock/, from);
      expect(probe(lab, "client", host, 8443)).toBe("refused");
    },
  );

  test("opens to the command that `user show --format knock` prints", async () => {
    const from = server.log.length;
    const { out } = server.command("user", "show", "--format", "knock", "--host", "10.77.0.1");
    const [opening, closing] = out.split("\n").filter((line) => !line.startsWith("#"));
    lab.run("client", opening!.split(" "));
    await server.waitForLog(/Opened legacy/, from);
    lab.run("client", closing!.split(" "));
    await server.waitForLog(/Closed legacy to 10\.77\.0\.2: closed by its close knock/, from);
  });

  test("opens to sallyport's own client", async () => {
    const from = server.log.length;
    const argv = ["10.77.0.1", "7000", "8000:udp", "9000"];
    const { EXECUTABLE } = await import("../support/executable.ts");
    expect(lab.run("client", [EXECUTABLE, "knock", ...argv]).code).toBe(0);
    await server.waitForLog(/Opened legacy/, from);
    await closeAgain(from);
  });

  test.each([
    ["the knocks in another order", ["7000", "9000", "8000:udp"]],
    ["one knock by another protocol", ["7000", "8000", "9000"]],
    ["another port of the span in between", ["7000", "7500", "8000:udp", "9000"]],
    ["one knock missing", ["7000", "9000"]],
  ])("stays closed to %s", (_, ports) => {
    lab.run("stranger", ["knock", "10.77.0.1", ...ports]);
    expect(probe(lab, "stranger", "10.77.0.1", 8443)).toBe("refused");
  });

  test("opens to an overlap of strangers who all knock wrong", async () => {
    const from = server.log.length;
    const noise = Array.from({ length: 50 }, (_, i) => {
      lab.addAddress("stranger", "eth0", `10.77.1.${i + 1}/16`);
      return `10.77.1.${i + 1}`;
    });
    const wrong = (port: number) =>
      noise.map((address) => ({ to: "10.77.0.1", port, from: address }));
    sendKnocks(lab, "stranger", wrong(7000));
    sendKnocks(lab, "client", [{ to: "10.77.0.1", port: 7000 }]);
    sendKnocks(lab, "stranger", wrong(7001));
    sendKnocks(lab, "client", [{ to: "10.77.0.1", port: 8000, proto: "udp" }]);
    sendKnocks(lab, "stranger", wrong(9000));
    sendKnocks(lab, "client", [{ to: "10.77.0.1", port: 9000 }]);
    await server.waitForLog(/Opened legacy .* to 10\.77\.0\.2/, from);
    expect(server.log.slice(from)).not.toContain("to 10.77.1.");
    await closeAgain(from);
  });
});
