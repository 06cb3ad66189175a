/** P32: a crowd at one listener takes nothing from another, nor from doors, guard and commands. */

import { spawn } from "../support/programs.ts";
import { probe } from "../support/service.ts";
import { CLIENT, SERVER, Stage, webDoor } from "./stage.ts";
import { type Finding, finding, type Scale, type Trial } from "./trial.ts";

/**
 * Keeps connections of one kind to a place, and makes each anew that is closed: to the health port 64 every
 * 50 ms; to the socket, which is its owner's alone, one.
 */
const CROWD = `
import os, select, socket, sys, time
kind, place, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
at_once = count
def dial():
    s = socket.socket(socket.AF_UNIX) if place.startswith("/") else socket.socket()
    s.setblocking(False)
    try: s.connect(place if place.startswith("/") else ("127.0.0.1", int(place)))
    except BlockingIOError: pass
    except OSError: s.close(); return None
    return s
held, told = {}, False
end = time.monotonic() + 120
while time.monotonic() < end:
    for _ in range(min(at_once, count - len(held))):
        s = dial()
        if s is None: break
        held[s.fileno()] = s
    if len(held) == count and not told: print("held", flush=True); told = True
    for s in list(held.values()):
        try:
            if kind == "slow": s.send(b"X")
            elif kind == "endless": s.send(b"GET / HTTP/1.1\\r\\nA: " + b"b" * 4000)
            elif kind == "readers": s.send(b"GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n" * 20)
            if kind != "readers" and s.recv(65536, socket.MSG_DONTWAIT) == b"": raise ConnectionError
        except (BlockingIOError, InterruptedError): pass
        except OSError: held.pop(s.fileno(), None); s.close()
    if not told and len(held) > 60: print("held", flush=True); told = True
    at_once = 1 if place.startswith("/") else 64
    time.sleep(0.05)
`;

const KINDS = ["idle", "slow", "endless", "readers"] as const;

async function crowd(kind: (typeof KINDS)[number], scale: Scale): Promise<Finding> {
  const users = ["alice", "bob"];
  const door = webDoor(users, 'open_for = "2s"\nrun = { close = ["/bin/true"] }');
  await using stage = await Stage.set(door, { users });
  const count = scale === "quick" ? 400 : 1_500;
  const places = ["7878", stage.server.socket];
  const crowds = places.map((place) =>
    spawn(
      [
        "ip",
        "netns",
        "exec",
        stage.lab.namespace("server"),
        "python3",
        "-c",
        CROWD,
        kind,
        place,
        String(count),
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    ),
  );
  try {
    await Promise.all(crowds.map(({ stdout }) => stdout.getReader().read()));
    await stage.roomInSlot(6_000);
    const from = stage.server.log.length;
    await stage.wire.knock("client", stage.knocks(CLIENT));
    const opened = probe(stage.lab, "client", SERVER, 8080);
    stage.lab.run("server", ["nft", "flush ruleset"]);
    const repaired = await stage.server.waitForLog(/Repaired the guard/, from).then(
      () => "repaired",
      () => "not repaired",
    );
    let slowest = 0;
    let answered = 0;
    const asked = scale === "quick" ? 5 : 20;
    for (let i = 0; i < asked; i++) {
      const began = performance.now();
      const answer = await stage.server.control("/v1/status").catch(() => undefined);
      if (answer?.status === 200) answered++;
      slowest = Math.max(slowest, performance.now() - began);
    }
    const ran = await stage.server.waitForLog(/Ran \/bin\/true for web/, from).then(
      () => "ran",
      () => "did not run",
    );
    return finding(
      opened === "open" &&
        repaired === "repaired" &&
        ran === "ran" &&
        answered === asked &&
        slowest < 1_000,
      `${count} at each of two listeners: the door ${opened}, the guard ${repaired}, the close command ${ran}, ` +
        `${answered} of ${asked} times the status was told, after at most ${Math.round(slowest)} ms`,
    );
  } finally {
    for (const one of crowds) one.kill("SIGKILL");
  }
}

const WHAT: Record<(typeof KINDS)[number], string> = {
  idle: "silent connections to health and control",
  slow: "connections that send a byte now and then, and never a request",
  endless: "requests without an end",
  readers: "requests whose answers nobody reads",
};

export const trials: Trial[] = KINDS.map((kind) => ({
  promise: "P32",
  attack: WHAT[kind],
  play: (scale) => crowd(kind, scale),
}));
