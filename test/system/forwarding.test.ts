/** Traffic that only passes through, and ports published from a container behind the server. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GuardedServer } from "../support/guarded-server.ts";
import { Lab } from "../support/lab.ts";
import { probe, startEcho } from "../support/service.ts";

const DOORS = `
[door.web]
opens = ["8080/tcp"]
users = ["alice", "bob"]
open_for = "1m"
`;

describe("a server with a container behind it", () => {
  let lab: Lab;
  let server: GuardedServer;

  beforeAll(async () => {
    lab = new Lab();
    await startEcho(lab, "container", 80);
    await startEcho(lab, "stranger", 8080);
    // As Docker publishes a port: 8080 outside, 80 in the container.
    lab.run("server", ["nft", "-f", "-"], {
      input: `
        table inet docker {
          chain pre { type nat hook prerouting priority dstnat;
            fib daddr type local tcp dport 8080 meta nfproto ipv4 dnat ip to 10.88.0.2:80
            fib daddr type local tcp dport 8080 meta nfproto ipv6 dnat ip6 to [fd88::2]:80
          }
          chain post { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
        }`,
    });
    expect(probe(lab, "stranger", "10.77.0.1", 8080)).toBe("open");
    server = await new GuardedServer(lab, DOORS, {
      users: ["alice", "bob"],
      interfaces: ["any"],
    }).start();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    lab?.[Symbol.dispose]();
  });

  test.each([
    ["10.77.0.1", "alice"],
    ["fd77::1", "bob"],
  ])(
    "guards a published port on its outside number, %s, and opens it to the knocker alone",
    (host, user) => {
      expect(probe(lab, "client", host, 8080)).toBe("refused");
      expect(server.knock("client", server.link(user, "web", host))).toMatchObject({ code: 0 });
      expect(probe(lab, "client", host, 8080)).toBe("open");
      expect(probe(lab, "stranger", host, 8080)).toBe("refused");
    },
  );

  test.each(["10.77.0.3", "fd77::3"])(
    "lets the container's own connection to a guarded port number at %s pass",
    (elsewhere) => {
      expect(probe(lab, "container", elsewhere, 8080)).toBe("open");
    },
  );

  test("leaves a service of the container that is reached by its own address alone", () => {
    expect(probe(lab, "stranger", "10.88.0.2", 80)).toBe("open");
  });
});
