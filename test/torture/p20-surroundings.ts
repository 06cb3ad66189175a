/** P20 and P21: published ports, forwarded traffic, and rules of others that stand in the way. */

import { probe, startEcho } from "../support/service.ts";
import { SERVER, SERVER6, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Trial } from "./trial.ts";

/** As Docker publishes a port: 8080 outside, 80 in the container. */
const DOCKER = `table inet docker {
  chain pre { type nat hook prerouting priority dstnat;
    fib daddr type local tcp dport 8080 meta nfproto ipv4 dnat ip to 10.88.0.2:80
    fib daddr type local tcp dport 8080 meta nfproto ipv6 dnat ip6 to [fd88::2]:80
  }
  chain post { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
}
`;

async function published(): Promise<Finding> {
  const users = ["alice", "bob"];
  await using stage = await Stage.set(webDoor(users), {
    users,
    services: [],
    interfaces: ["any"],
    start: false,
  });
  const { lab, server } = stage;
  await startEcho(lab, "container", 80);
  await startEcho(lab, "stranger", 8080);
  lab.run("server", ["nft", "-f", "-"], { input: DOCKER });
  // A container's link-local address is on probation for a second or two, and nothing reaches it by IPv6.
  while (probe(lab, "client", SERVER6, 8080) !== "open") continue;
  await server.start();
  const results: string[] = [];
  let held = true;
  for (const [host, from, user] of [
    [SERVER, "10.77.0.2", "alice"],
    [SERVER6, "fd77::2", "bob"],
  ] as const) {
    const before = probe(lab, "client", host, 8080);
    await stage.roomInSlot(2_000);
    await stage.wire.knock("client", stage.knocks(from, user));
    await stage.settled();
    const after = probe(lab, "client", host, 8080);
    const stranger = probe(lab, "stranger", host, 8080);
    const elsewhere = probe(lab, "container", host === SERVER ? "10.77.0.3" : "fd77::3", 8080);
    held &&=
      before === "refused" && after === "open" && stranger === "refused" && elsewhere === "open";
    results.push(
      `${host}: ${before}, with a grant ${after}, a stranger ${stranger}, forwarded elsewhere ${elsewhere}`,
    );
  }
  return finding(held, results.join("; "));
}

/** An FTP server that names the guarded port in its answer; the kernel's helper then expects a connection to it. */
const FTP = `
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("", 21)); s.listen(8)
print("listening", flush=True)
while True:
    c, _ = s.accept(); c.sendall(b"220 ftp\\r\\n"); c.recv(100)
    c.sendall(b"227 Entering Passive Mode (10,77,0,1,31,144)\\r\\n"); c.recv(100)
`;

/** Holds its session open, like a client that is about to fetch. */
const FTP_CLIENT = `
import socket
c = socket.create_connection(("${SERVER}", 21))
c.recv(100)
c.sendall(b"PASV\\r\\n")
print(c.recv(100), flush=True)
c.recv(100)
`;

async function related(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  const { lab } = stage;
  const helper = lab.run("server", ["nft", "-f", "-"], {
    input: `table inet ftp { ct helper ftp { type "ftp" protocol tcp; }
      chain pre { type filter hook prerouting priority -190; tcp dport 21 ct helper set "ftp"; }\n}\n`,
    mayFail: true,
  });
  if (helper.code !== 0) {
    return finding(true, "this kernel has no FTP helper, so nothing can be talked into opening");
  }
  const ftp = lab.start("server", ["python3", "-c", FTP]);
  const ready = ftp.stdout.getReader();
  await ready.read();
  const talk = lab.start("client", ["python3", "-c", FTP_CLIENT]);
  await talk.stdout.getReader().read();
  const { out } = lab.run("server", ["conntrack", "-L", "expect"], { mayFail: true });
  const expected = out.includes("dport=8080");
  const met = probe(lab, "client", SERVER, 8080);
  return finding(
    expected && met === "refused",
    `an FTP answer names 8080 (expected by the helper: ${expected}): ${met}`,
  );
}

async function foreignChain(): Promise<Finding> {
  await using stage = await Stage.set(webDoor());
  stage.lab.run("server", ["nft", "-f", "-"], {
    input:
      "table inet filter { chain input { type filter hook input priority 0; tcp dport 8080 drop; }\n}\n",
  });
  const { EXECUTABLE } = await import("../support/executable.ts");
  const argv = [EXECUTABLE, "doctor", "--config", stage.server.config];
  const { out, err, code } = stage.lab.run("server", argv, { mayFail: true });
  const line = (out + err)
    .split("\n")
    .find((text) => text.includes("chain") && text.includes("input"));
  return finding(
    code !== 0 && line !== undefined && /filter/.test(line),
    `doctor exits with ${code}: ${line?.trim() ?? err.trim().split("\n")[0]}`,
  );
}

export const trials: Trial[] = [
  {
    promise: "P20",
    attack: "a port published from a container, and traffic that passes through",
    play: published,
  },
  { promise: "P20", attack: "an FTP answer that names the guarded port", play: related },
  {
    promise: "P21",
    attack: "another table drops the guarded port",
    play: foreignChain,
  },
];
