/** Live captures between namespaces: which frames count, which do not, which get lost. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { knockFilter } from "../../../src/capture/filter.ts";
import type { FrameSource } from "../../../src/capture/frame-source.ts";
import { interfaceNames, openInterface } from "../../../src/capture/interface.ts";
import { LocalAddresses } from "../../../src/capture/local-addresses.ts";
import { formatAddress } from "../../../src/core/address.ts";
import { ExitCode, OpError } from "../../../src/core/errors.ts";
import { emptyKnock } from "../../../src/core/knock.ts";
import { LinkType } from "../../../src/core/link-type.ts";
import { type PortRange, parsePortRange } from "../../../src/core/port.ts";
import { decodeFrame } from "../../../src/decode/frame.ts";
import { Errno } from "../../../src/native/errno.ts";
import { enterNamespace } from "../../../src/native/net-namespace.ts";
import { PollSet } from "../../../src/native/poll-set.ts";
import { packFrames } from "../../support/flood.ts";
import { frame, ipv4, ipv6, options6, tcp, udp } from "../../support/frames.ts";
import { type Host, Lab } from "../../support/lab.ts";
import { spawnSync } from "../../support/programs.ts";
import { Arphrd, Tun } from "../../support/tun.ts";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
  // Neighbours take a second to find each other on new links; SYNs sent again would count twice below.
  knockOn("client", "tcp/10.77.0.1/1", "tcp/fd77::1/1", "tcp/10.88.0.2/1", "tcp/fd88::2/1");
  knockOn("server", "tcp/10.77.0.2/1", "tcp/fd77::2/1", "tcp/10.88.0.2/1", "tcp/fd88::2/1");
}, 30_000);
afterAll(() => lab[Symbol.dispose]());

const RANGES: readonly PortRange[] = ["7000-7999/tcp", "8000-8999/udp"].map((text) =>
  parsePortRange(text)!,
);
const filter = (linkType: LinkType) => knockFilter(RANGES, linkType);

/** Runs `body` with this thread on a host of the lab. */
function on<T>(host: Host, body: () => T): T {
  using stack = new DisposableStack();
  stack.use(enterNamespace(`/run/netns/${lab.namespace(host)}`));
  return body();
}

/** Puts frames on the wire behind a host's eth0, in turn until `count` are sent. */
function inject(host: Host, frames: readonly Uint8Array[], count = frames.length): void {
  const done = spawnSync(
    `ip netns exec ${lab.namespace(host)} ${process.execPath} test/support/flood.ts eth0 ${count}`.split(
      " ",
    ),
    { stdin: packFrames(frames), stdout: "ignore", stderr: "inherit" },
  );
  expect(done.exitCode).toBe(0);
}

function mac(host: Host, device: string): Uint8Array {
  const text = lab.run(host, ["cat", `/sys/class/net/${device}/address`]).out.trim();
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}

/** One knock as people make them: bash opens the port and ignores the outcome. */
function knockOn(host: Host, ...targets: readonly string[]): void {
  for (const target of targets) {
    lab.run(host, ["bash", "-c", `echo knock >/dev/${target}`], { mayFail: true });
  }
}

interface Heard {
  /** "PROTO DESTINATION PORT" of knocks to this machine, in order. */
  readonly knocks: string[];
  /** Frames that were not knocks, or not for this machine. */
  foreign: number;
  frames: number;
}

/** Listens like the daemon until nothing has come for `silenceMs`. */
function listen(sources: readonly FrameSource[], local: LocalAddresses, silenceMs = 100): Heard {
  const heard: Heard = { knocks: [], foreign: 0, frames: 0 };
  const poll = new PollSet();
  for (const source of sources) poll.add(source.fd);
  const knock = emptyKnock();
  while (poll.wait(silenceMs) > 0) {
    for (const source of sources.filter(({ fd }) => poll.ready(fd))) {
      heard.frames += source.drain((view, offset, length, timeMs, linkType) => {
        expect(Math.abs(timeMs - Date.now())).toBeLessThan(10_000);
        const isKnock = decodeFrame(linkType, view, offset, length, knock);
        const { family, d0, d1, d2, d3 } = knock;
        if (!isKnock || !local.has(family, d0, d1, d2, d3)) {
          heard.foreign++;
          return;
        }
        const destination = formatAddress({ family, a0: d0, a1: d1, a2: d2, a3: d3 });
        heard.knocks.push(`${knock.proto === 6 ? "tcp" : "udp"} ${destination} ${knock.port}`);
      }, 64);
    }
  }
  return heard;
}

/**
 * Captures on interfaces of the server while `act` runs. Returns the knocks heard and the counts.
 */
function hear(interfaces: readonly string[], act: () => void) {
  using stack = new DisposableStack();
  const { sources, local } = on("server", () => ({
    sources: interfaces.map((name) => openInterface(name, filter)),
    local: new LocalAddresses(),
  }));
  for (const source of sources) stack.defer(() => source.close());
  stack.use(local);
  act();
  const heard = listen(sources, local);
  return { heard, stats: sources.map((source) => source.stats()), sources };
}

const ON_ETH0 = [
  "tcp/10.77.0.1/7000",
  "tcp/fd77::1/7001",
  "udp/10.77.0.1/8000",
  "udp/fd77::1/8001",
];
const HEARD_ETH0 = [
  "tcp 10.77.0.1 7000",
  "tcp fd77::1 7001",
  "udp 10.77.0.1 8000",
  "udp fd77::1 8001",
];

describe("openInterface()", () => {
  test("hears TCP and UDP knocks of both families, and only those in its ranges", () => {
    const { heard, sources } = hear(["eth0"], () => {
      knockOn("client", ...ON_ETH0, "tcp/10.77.0.1/6999", "udp/fd77::1/7000", "tcp/10.77.0.1/8000");
    });
    expect(sources[0]!.linkType).toBe(LinkType.ethernet);
    expect(heard.knocks).toEqual(HEARD_ETH0);
    expect(heard.frames).toBe(4);
  });

  test("hears them on any, in cooked frames", () => {
    const { heard, sources } = hear(["any"], () => knockOn("client", ...ON_ETH0));
    expect(sources[0]!.linkType).toBe(LinkType.cooked2);
    expect(heard.knocks).toEqual(HEARD_ETH0);
  });

  test("hears each knock on the loopback interface once", () => {
    const { heard, stats } = hear(["lo"], () => {
      knockOn("server", "tcp/127.0.0.1/7000", "tcp/::1/7001", "udp/127.0.0.1/8000");
    });
    expect(heard.knocks).toEqual(["tcp 127.0.0.1 7000", "tcp ::1 7001", "udp 127.0.0.1 8000"]);
    expect(stats).toEqual([{ received: 3, dropped: 0 }]);
  });

  describe("on serial lines", () => {
    const at4 = (port: number) => ipv4("10.77.0.2", "10.77.0.1", tcp(port));
    const at6 = (port: number) => ipv6("fd77::2", "fd77::1", tcp(port));

    test("hears knocks on a line of PPP, whose header the kernel keeps", () => {
      using line = on("server", () => new Tun("ppp0", Arphrd.ppp));
      const { heard, sources } = hear(["ppp0"], () => {
        line.receive(0x0800, at4(7001));
        line.receive(0x86dd, at6(7002));
        line.receive(0x0800, at4(6999));
      });
      expect(sources[0]!.linkType).toBe(LinkType.cooked1);
      expect(heard.knocks).toEqual(["tcp 10.77.0.1 7001", "tcp fd77::1 7002"]);
      expect(heard.frames).toBe(2);
    });

    test("hears knocks on a line of Cisco HDLC", () => {
      using line = on("server", () => new Tun("hdlc0", Arphrd.cisco));
      const { heard, sources } = hear(["hdlc0"], () => {
        line.receive(0x0800, frame(LinkType.ciscoHdlc, at4(7001)));
        line.receive(0x86dd, frame(LinkType.ciscoHdlc, at6(7002), { framing: "broadcast" }));
        line.receive(0x0800, frame(LinkType.ciscoHdlc, at4(6999)));
      });
      expect(sources[0]!.linkType).toBe(LinkType.ciscoHdlc);
      expect(heard.knocks).toEqual(["tcp 10.77.0.1 7001", "tcp fd77::1 7002"]);
      expect(heard.frames).toBe(2);
    });
  });

  test("hears on several interfaces at once", () => {
    const { heard } = hear(["eth0", "ctr0", "lo"], () => {
      knockOn("client", "tcp/10.77.0.1/7000");
      knockOn("container", "tcp/10.88.0.1/7001");
      knockOn("server", "tcp/127.0.0.1/7002");
    });
    expect(heard.knocks.toSorted()).toEqual([
      "tcp 10.77.0.1 7000",
      "tcp 10.88.0.1 7001",
      "tcp 127.0.0.1 7002",
    ]);
  });

  test("hears knocks with VLAN tags and with IPv6 extension headers", () => {
    const destination = mac("server", "eth0");
    const wire = (packet: Uint8Array, ...tags: number[]) =>
      frame(LinkType.ethernet, packet, { destination, tags });
    const at4 = (port: number) => ipv4("10.77.0.2", "10.77.0.1", tcp(port));
    const at6 = (port: number) => ipv6("fd77::2", "fd77::1", udp(port));
    const { heard } = hear(["eth0"], () =>
      inject("client", [
        wire(at4(7001), 0x8100),
        wire(at6(8001), 0x8100),
        wire(at4(7002), 0x88a8, 0x8100),
        wire(at6(8002), 0x88a8, 0x8100),
        wire(ipv6("fd77::2", "fd77::1", tcp(7003), [options6(0), options6(60)])),
        wire(ipv6("fd77::2", "fd77::1", tcp(7004), [options6(60)]), 0x8100),
        wire(at4(6999), 0x8100),
        wire(at4(6998), 0x88a8, 0x8100),
      ]),
    );
    expect(heard.knocks).toEqual([
      "tcp 10.77.0.1 7001",
      "udp fd77::1 8001",
      "tcp 10.77.0.1 7002",
      "udp fd77::1 8002",
      "tcp fd77::1 7003",
      "tcp fd77::1 7004",
    ]);
    expect(heard.frames).toBe(6);
  });

  test.each(["eth0", "any"])(
    "on %s sees forwarded knocks, which are not this machine's",
    (name) => {
      const { heard } = hear([name], () => {
        knockOn("client", "tcp/10.88.0.2/7000", "tcp/fd88::2/7001", "tcp/10.77.0.1/7002");
      });
      expect(heard.knocks).toEqual(["tcp 10.77.0.1 7002"]);
      expect(heard.foreign).toBe(2);
    },
  );

  test.each(["eth0", "any"])("on %s does not see what this machine sends", (name) => {
    const { heard, stats } = hear([name], () => {
      knockOn("server", "tcp/10.77.0.2/7000", "udp/10.77.0.2/8000", "tcp/fd77::2/7001");
    });
    expect(heard.frames).toBe(0);
    // Not even in the kernel's buffer: the machine's own packets take no room from knocks.
    expect(stats).toEqual([{ received: 0, dropped: 0 }]);
  });

  test("keeps a burst until it is drained", () => {
    const packet = ipv4("10.77.0.2", "10.77.0.1", udp(8000));
    const wire = frame(LinkType.ethernet, packet, { destination: mac("server", "eth0") });
    const { heard, stats } = hear(["eth0"], () => inject("client", [wire], 10_000));
    expect(heard.knocks.length).toBe(10_000);
    expect(stats).toEqual([{ received: 10_000, dropped: 0 }]);
  });

  test("counts what is lost when nobody drains", () => {
    const packet = ipv4("10.77.0.2", "10.77.0.1", udp(8000));
    const wire = frame(LinkType.ethernet, packet, { destination: mac("server", "eth0") });
    const { heard, stats } = hear(["eth0"], () => inject("client", [wire], 60_000));
    const { received, dropped } = stats[0]!;
    expect(received).toBe(60_000);
    expect(dropped).toBeGreaterThan(10_000);
    expect(heard.knocks.length + dropped).toBe(60_000);
  });

  test("names the interfaces there are when asked for another", () => {
    on("server", () => {
      expect(interfaceNames()).toEqual(expect.arrayContaining(["ctr0", "eth0", "lo"]));
      const error = thrown(() => openInterface("eth7", filter));
      expect(error.code).toBe(Errno.ENODEV);
      expect(error.message).toStartWith("Cannot capture on eth7: no such interface: name one of ");
      expect(error.message).toContain("ctr0");
    });
  });

  test("without privilege exits with 77 and names the capability", () => {
    const script = `
      const { openInterface } = await import("${import.meta.dir}/../../../src/capture/interface.ts");
      process.setgid(65534); process.setuid(65534);
      try { openInterface("lo", () => "tcp") } catch (error) {
        console.log(error.message); process.exit(error.exitCode);
      }`;
    const done = lab.run("server", [process.execPath, "-e", script], { mayFail: true });
    expect(done.code).toBe(ExitCode.privilege);
    expect(done.out).toContain("CAP_NET_RAW");
  });
});

function thrown(body: () => unknown): OpError {
  try {
    body();
  } catch (error) {
    if (error instanceof OpError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

describe("an interface that goes away", () => {
  const ip = (...argv: string[]) => lab.run("server", ["ip", ...argv]);
  // A test that fails half-way leaves the name free for the next one.
  afterEach(() => lab.run("server", ["ip", "link", "delete", "tmp0"], { mayFail: true }));

  function openTemporary(): FrameSource {
    ip("link", "add", "tmp0", "type", "veth", "peer", "tmp1");
    ip("link", "set", "tmp0", "up");
    ip("link", "set", "tmp1", "up");
    return on("server", () => openInterface("tmp0", filter));
  }

  function isReady(source: FrameSource, timeoutMs: number): boolean {
    const poll = new PollSet();
    poll.add(source.fd);
    return poll.wait(timeoutMs) > 0;
  }

  /**
   * Drains what an interface that went down left behind: the error, and before it perhaps a frame of
   * its own announcements, older than the filter. libpcap does not look for the error before it has
   * read such a frame, so one drain leaves the descriptor ready.
   */
  function settle(source: FrameSource): void {
    expect(source.drain(() => {}, 10)).toBe(0);
    if (isReady(source, 0)) expect(source.drain(() => {}, 10)).toBe(0);
  }

  test("drain() throws ENODEV once it is deleted, and it opens again when it is back", () => {
    const source = openTemporary();
    expect(source.drain(() => {}, 10)).toBe(0);
    ip("link", "delete", "tmp0");
    expect(isReady(source, 2_000)).toBeTrue();
    const error = thrown(() => source.drain(() => {}, 10));
    expect(error.code).toBe(Errno.ENODEV);
    expect(error.message).toStartWith("Cannot capture on tmp0: no such interface: ");
    source.close();
    openTemporary().close();
    ip("link", "delete", "tmp0");
  });

  test("stats() throws ENODEV even when it was down before and another has its name now", () => {
    const source = openTemporary();
    // The peer's own announcements may come before the filter is attached, and count then.
    expect(source.stats().dropped).toBe(0);
    ip("link", "set", "tmp0", "down");
    settle(source);
    ip("link", "delete", "tmp0");
    expect(isReady(source, 0)).toBeFalse(); // the kernel does not tell
    openTemporary().close();
    expect(thrown(() => source.stats()).code).toBe(Errno.ENODEV);
    source.close();
    ip("link", "delete", "tmp0");
  });

  test("drain() goes on when it was only down, and does not spin meanwhile", () => {
    const source = openTemporary();
    expect(source.isDown).toBeFalse();
    ip("link", "set", "tmp0", "down");
    expect(isReady(source, 2_000)).toBeTrue();
    settle(source);
    expect(source.isDown).toBeTrue();
    expect(isReady(source, 20)).toBeFalse();
    ip("link", "set", "tmp0", "up");
    expect(source.isDown).toBeFalse();
    ip("address", "add", "10.9.9.1/24", "dev", "tmp1");
    ip("neighbour", "add", "10.9.9.2", "lladdr", "02:00:00:00:00:09", "dev", "tmp1");
    knockOn("server", "udp/10.9.9.2/8000");
    expect(isReady(source, 2_000)).toBeTrue();
    expect(source.drain(() => {}, 10)).toBe(1);
    source.close();
    ip("link", "delete", "tmp0");
  });

  test("openInterface() throws ENETDOWN while it is down, and says how to bring it up", () => {
    openTemporary().close();
    ip("link", "set", "tmp0", "down");
    const refused = on("server", () => thrown(() => openInterface("tmp0", filter)));
    expect(refused.code).toBe(Errno.ENETDOWN);
    expect(refused.message).toContain("ip link set tmp0 up");
    ip("link", "delete", "tmp0");
  });

  test("a closed source throws and does not touch freed memory", () => {
    const source = openTemporary();
    source.close();
    source.close();
    expect(() => source.drain(() => {}, 10)).toThrow("is closed");
    expect(() => source.stats()).toThrow("is closed");
    ip("link", "delete", "tmp0");
  });
});
