/** A reload: all or nothing, and one after the other; from real files. */

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { addKey, digestOfKeys, makeKey, removeKeys } from "../../../src/keys/keys.ts";
import { parseAddress } from "../../../src/core/address.ts";
import { type Configuration, readConfiguration } from "../../../src/control-plane/configuration.ts";
import type { GuardState } from "../../../src/control-plane/guard/guard-loader.ts";
import { Reloader } from "../../../src/control-plane/reloader.ts";
import type { Opener } from "../../../src/config/differences.ts";
import { NeedsYes } from "../../../src/core/errors.ts";
import { StateFolder } from "../../support/store.ts";

/** A configuration file with one door to this port. */
function write(folder: StateFolder, port: string): void {
  const text = `[server]\nstate_dir = "${folder.path}"\n[door.ssh]\nopens = ["${port}"]\nusers = ["alice"]\n`;
  writeFileSync(folder.file("config.toml"), text);
}

/** A range that is strong enough for one device, and for no more than seven. */
const NARROW = '[knock]\nports = 7\nrange = "20000-39999"\n';
const MANY = 10;

const portsOf = ({ settings }: Pick<Configuration, "settings">) =>
  settings.doors.flatMap(({ opens }) => opens.map(({ from }) => from));

function stage(folder: StateFolder) {
  const file = folder.file("config.toml");
  write(folder, "22/tcp");
  let current = readConfiguration(file);
  const calls: string[] = [];
  const refused: string[] = [];
  const failing = new Set<string>();
  const openers: Opener[] = [];
  const heard: string[] = [];
  const missing: string[] = [];
  const kept: { readonly ports: number[]; readonly digest: string }[] = [];
  let state: GuardState = "permanent";
  let isOver = true;
  const call = (name: string) => {
    calls.push(name);
    if (failing.has(name)) throw new Error(`Cannot ${name}`);
  };
  const reloader = new Reloader({
    file,
    requireTrust: () => {
      if (failing.has("trust")) throw new Error("Cannot trust");
    },
    current: () => current,
    configure: async ({ doors, rotating }) => {
      await Promise.resolve();
      heard.splice(0, Infinity, ...Array.from(rotating, ({ user }) => user));
      call(`hear ${doors[0]!.opens[0]!.from}`);
    },
    guard: (settings, armMs) => {
      call(`guard ${portsOf({ settings }).join()}`);
      if (armMs !== undefined) state = "probation";
    },
    guardForGood: (settings) => {
      call(`guard ${portsOf({ settings }).join()} for good`);
      state = "permanent";
    },
    guardState: () => state,
    isOver: () => isOver,
    missing: () => missing,
    grants: () => [],
    openers: () => openers,
    entered: (next, before = next) => {
      call(`enter ${portsOf(next).join()}, keep ${portsOf(before).join()}`);
      kept.push({ ports: portsOf(before), digest: next.keysDigest });
      current = next;
    },
    reloaded: () => call("reloaded"),
    unconfirmed: (next) => call(`doubt ${portsOf(next).join()}`),
    reverted: () => call("reverted"),
    refused: (error) => refused.push(String(error)),
  });
  const now = () => portsOf(current);
  /** Somebody begins the probation anew while others wait for their turn. */
  const armAnew = () =>
    reloader.between(() => {
      isOver = false;
      return Promise.resolve("armed anew");
    }, false);
  return {
    reloader,
    refused,
    calls,
    failing,
    missing,
    openers,
    heard,
    kept,
    armAnew,
    current: now,
    file,
  };
}

describe("Reloader.reload()", () => {
  test("hears by the new configuration before it guards by it, and says what it took", async () => {
    using folder = new StateFolder();
    const { reloader, calls, file } = stage(folder);
    write(folder, "23/tcp");
    expect(await reloader.reload({ yes: true })).toMatchObject({
      done: `Reloaded ${file}: 1 door, 0 keys`,
      warnings: ['alice has no key: run "sallyport user add alice"'],
    });
    expect(calls).toEqual(["hear 23", "guard 23", "enter 23, keep 23", "reloaded"]);
  });

  test("touches nothing when the file is wrong", async () => {
    using folder = new StateFolder();
    const { reloader, refused, calls, current } = stage(folder);
    write(folder, "99999/tcp");
    const said: unknown = await reloader.reload({ yes: true }).catch(String);
    expect(said).toContain("99999/tcp");
    expect(refused).toEqual([String(said)]);
    expect([calls, current()]).toEqual([[], [22]]);
  });

  test("touches nothing when the file is not to be trusted", async () => {
    using folder = new StateFolder();
    const { reloader, refused, failing, calls } = stage(folder);
    write(folder, "23/tcp");
    failing.add("trust");
    const said: unknown = await reloader.reload({ yes: true }).catch(String);
    expect(said).toBe("Error: Cannot trust");
    expect([refused, calls]).toEqual([["Error: Cannot trust"], []]);
  });

  test("takes back what it did when the kernel refuses the guard, and can be tried again", async () => {
    using folder = new StateFolder();
    const { reloader, calls, failing, current } = stage(folder);
    write(folder, "23/tcp");
    failing.add("guard 23");
    const said: unknown = await reloader.reload({ yes: true }).catch(String);
    expect(said).toBe("Error: Cannot guard 23");
    expect([calls, current()]).toEqual([["hear 23", "guard 23", "hear 22"], [22]]);
    failing.clear();
    await reloader.reload({ yes: true });
    expect(current()).toEqual([23]);
  });

  test("leaves the guard alone when the knocks of the new configuration cannot be heard", async () => {
    using folder = new StateFolder();
    const { reloader, calls, failing, current } = stage(folder);
    write(folder, "23/tcp");
    failing.add("hear 23");
    expect(await reloader.reload({ yes: true }).catch(String)).toBe("Error: Cannot hear 23");
    expect([calls, current()]).toEqual([["hear 23"], [22]]);
  });

  test("runs one reload after the other, however many are asked for", async () => {
    using folder = new StateFolder();
    const { reloader, calls } = stage(folder);
    await Promise.all([reloader.reload({ yes: true }), reloader.reload({ yes: true })]);
    const once = ["hear 22", "guard 22", "enter 22, keep 22", "reloaded"];
    expect(calls).toEqual([...once, ...once]);
  });
});

describe("Reloader.reload() where interfaces do not exist", () => {
  const name = (file: string, interfaces: string) =>
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace("[server]", `[server]\ninterfaces = ${interfaces}`),
    );

  test.each([{}, { yes: true }])(
    "%p says so, and asks for no yes that would not help",
    async (r) => {
      using folder = new StateFolder();
      const { reloader, calls, missing, file } = stage(folder);
      name(file, '["eth7", "eth8"]');
      missing.push("eth7", "eth8");
      const refusal: unknown = await reloader.reload(r).catch((error: unknown) => error);
      expect(refusal).not.toBeInstanceOf(NeedsYes);
      expect(String(refusal)).toMatch(
        /: Cannot reload \S+: eth7, eth8 do not exist: this machine has .*: correct server\.interfaces, or bring them up; nothing was changed$/,
      );
      expect(calls).toEqual([]);
    },
  );

  test("says so beside one that does, and of those that ran before and are gone", async () => {
    using folder = new StateFolder();
    const { reloader, missing, file } = stage(folder);
    name(file, '["eth7", "lo"]');
    missing.push("eth7");
    const refusal: unknown = await reloader.reload({}).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(NeedsYes);
    expect(String(refusal)).toContain("\n  eth7 does not exist: this machine has ");
    const told = await reloader.reload({ yes: true });
    expect(told.changes[0]).toStartWith("eth7 does not exist: ");
    missing.push("lo");
    expect((await reloader.reload({})).changes[0]).toStartWith("eth7, lo do not exist: ");
  });
});

const caller = { address: parseAddress("203.0.113.9")!, port: 22 };

describe("Reloader.reload() without a yes", () => {
  test("refuses what locks everybody out, says whom, and changes nothing", async () => {
    using folder = new StateFolder();
    addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
    const { reloader, refused, calls, file } = stage(folder);
    writeFileSync(file, readFileSync(file, "utf8").replace('"alice"', '"carol"'));
    const refusal: unknown = await reloader.reload({}).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(NeedsYes);
    expect(String(refusal)).toContain("everybody who can open ssh now would lose it");
    expect(String(refusal)).toContain(
      "  alice/phone will not be able to open ssh (22/tcp); that is everybody who can now: its users do not name them any more",
    );
    expect(refused).toEqual([String(refusal)]);
    expect(calls).toEqual([]);
    expect(await reloader.reload({ yes: true })).toMatchObject({
      changes: [expect.stringContaining("alice/phone")],
      warnings: ['carol has no key: run "sallyport user add carol"', expect.any(String)],
    });
  });

  test("refuses what takes effect at the next start only, and reads no key for it", async () => {
    using folder = new StateFolder();
    using other = new StateFolder();
    const { reloader, calls, file } = stage(folder);
    writeFileSync(other.file("keys.toml"), "broken");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(folder.path, other.path));
    const said = await reloader.reload({ yes: true }).catch(String);
    expect(said).toContain(`server.state_dir ${folder.path} becomes ${other.path}`);
    expect(said).toContain("takes effect at the next start only");
    writeFileSync(file, `${text}[api]\nsocket = "/run/other.sock"\nlisten = "127.0.0.1:1"\n`);
    expect(await reloader.reload({ yes: true }).catch(String)).toContain(
      "api.listen 127.0.0.1:7878 becomes 127.0.0.1:1, api.socket /run/sallyport/control.sock becomes /run/other.sock",
    );
    expect(calls).toEqual([]);
  });

  test("asks the caller whose own way it takes, and nobody whose way stays", async () => {
    using folder = new StateFolder();
    for (const user of ["alice", "bob"]) {
      addKey(folder.path, { user, device: "phone", key: makeKey("lab") });
    }
    const { reloader, openers, file } = stage(folder);
    const both = readFileSync(file, "utf8").replace('"alice"', '"alice", "bob"');
    writeFileSync(file, both);
    await reloader.reload({});
    writeFileSync(file, both.replace('"alice", ', ""));
    const ask = () => reloader.reload({ from: caller }).catch(String);
    expect(await ask()).toContain("you are connected from 203.0.113.9, and may be one of those");
    openers.push({ user: "alice", device: "phone", door: "ssh" });
    expect(await ask()).toContain("which alice/phone opened ssh to");
    openers[0] = { user: "bob", device: "phone", door: "ssh" };
    expect(await ask()).toMatchObject({ done: expect.stringContaining("Reloaded") });
  });
});

describe("Reloader.reloadKeys()", () => {
  const key = (user: string, device: string) => ({ user, device, key: makeKey("lab") });

  test("asks where the file lacks all keys of a door, as one begun anew does, and takes them with a yes", async () => {
    using folder = new StateFolder();
    addKey(folder.path, key("alice", "phone"));
    const { reloader, heard, file, calls } = stage(folder);
    await reloader.reload({ yes: true });
    writeFileSync(folder.file("keys.toml"), "# none\n", { mode: 0o600 });
    addKey(folder.path, key("alice", "tablet"));
    calls.length = 0;
    const refusal = `Cannot take the keys of ${folder.file("keys.toml")}: it holds no key of alice/phone any more, or another one: everybody who can open ssh now would lose it: `;
    expect(() => reloader.checkKeys({})).toThrow(refusal);
    const asked: unknown = await reloader.reloadKeys().catch((error: unknown) => error);
    expect(asked).toBeInstanceOf(NeedsYes);
    expect([calls, heard, file]).toEqual([[], ["alice"], file]);
    await reloader.reloadKeys({ yes: true });
    expect(reloader.checkKeys({}).keys.length).toBe(1);
  });

  test("asks nothing about keys that somebody takes away, whoever is left", async () => {
    using folder = new StateFolder();
    addKey(folder.path, key("alice", "phone"));
    const { reloader, heard } = stage(folder);
    removeKeys(folder.path, "alice");
    const removed = { user: "alice" };
    expect(reloader.checkKeys({ removed }).keys.length).toBe(0);
    await reloader.reloadKeys({ removed });
    expect(heard).toEqual([]);
  });

  test("asks the person who came in by a key that is lost", () => {
    using folder = new StateFolder();
    for (const device of ["phone", "laptop"]) addKey(folder.path, key("alice", device));
    const { reloader, openers } = stage(folder);
    openers.push({ user: "alice", device: "phone", door: "ssh" });
    removeKeys(folder.path, "alice", "phone");
    const from = { address: parseAddress("203.0.113.9")!, port: 22 };
    expect(() => reloader.checkKeys({ from })).toThrow("203.0.113.9");
    expect(reloader.checkKeys({}).keys.length).toBe(1);
  });
});

describe("Reloader.reload() on probation", () => {
  test("goes back to what ran before, keys that were removed meanwhile stay away", async () => {
    using folder = new StateFolder();
    for (const user of ["alice", "bob"]) {
      addKey(folder.path, { user, device: "phone", key: makeKey("lab") });
    }
    const { reloader, calls, current } = stage(folder);
    write(folder, "23/tcp");
    const { done } = await reloader.reload({ armMs: 60_000 });
    expect(done).toContain("on probation for 1m: knock, connect, and run sallyport confirm there");
    removeKeys(folder.path, "bob");
    await reloader.reloadKeys();
    calls.length = 0;
    expect(await reloader.goBack()).toBe(true);
    expect(calls).toEqual([
      "doubt 23",
      "hear 22",
      "guard 22 for good",
      "enter 22, keep 22",
      "reverted",
    ]);
    expect(current()).toEqual([22]);
    expect(reloader.notice).toContain("Nobody confirmed the last reload in time");
    await reloader.reload({ yes: true });
    expect(reloader.notice).toBeUndefined();
    expect(await reloader.goBack()).toBe(false);
  });

  test("goes back without a key that the reload itself did not find any more", async () => {
    using folder = new StateFolder();
    addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
    const { reloader, heard } = stage(folder);
    removeKeys(folder.path, "alice");
    write(folder, "23/tcp");
    await reloader.reload({ armMs: 60_000 });
    expect(await reloader.goBack()).toBe(true);
    expect(heard).toEqual([]);
  });

  test("goes back with a key that came with the reload", async () => {
    using folder = new StateFolder();
    const { reloader, heard } = stage(folder);
    addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
    write(folder, "23/tcp");
    await reloader.reload({ armMs: 60_000 });
    expect(await reloader.goBack()).toBe(true);
    expect(heard).toEqual(["alice"]);
  });

  test("other keys do not make an unconfirmed configuration the one that worked last", async () => {
    using folder = new StateFolder();
    const { reloader, calls } = stage(folder);
    write(folder, "23/tcp");
    await reloader.reload({ armMs: 60_000 });
    addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
    await reloader.reloadKeys();
    expect(calls.at(-1)).toBe("enter 23, keep 22");
    await reloader.between(() => Promise.resolve("confirmed"), true);
    await reloader.reloadKeys();
    expect(calls.at(-1)).toBe("enter 23, keep 23");
  });

  test("keeps the keys of the reload for a start with broken files, and the configuration before", async () => {
    using folder = new StateFolder();
    addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
    const { reloader, kept } = stage(folder);
    removeKeys(folder.path, "alice");
    write(folder, "23/tcp");
    await reloader.reload({ armMs: 60_000 });
    expect(kept).toEqual([{ ports: [22], digest: digestOfKeys(folder.path) }]);
  });

  test("stays where somebody begins the probation anew in the last moment", async () => {
    using folder = new StateFolder();
    const { reloader, armAnew, current } = stage(folder);
    write(folder, "23/tcp");
    await reloader.reload({ armMs: 60_000 });
    const armed = armAnew();
    expect(await reloader.goBack()).toBe(false);
    expect(await armed).toBe("armed anew");
    expect([current(), reloader.otherwise, reloader.notice]).toEqual([[23], "back", undefined]);
  });

  test("takes a key away also where the configuration before is too weak for the others", async () => {
    using folder = new StateFolder();
    const { reloader, heard, file } = stage(folder);
    const strong = readFileSync(file, "utf8");
    writeFileSync(file, `${NARROW}${strong}`);
    addKey(folder.path, { user: "alice", device: "phone", key: makeKey("lab") });
    await reloader.reload({ yes: true });
    for (let i = 0; i < MANY; i++) {
      addKey(folder.path, { user: "alice", device: `d${i}`, key: makeKey("lab") });
    }
    expect(await reloader.reloadKeys().catch(String)).toContain("ports = ");
    writeFileSync(file, strong);
    await reloader.reload({ armMs: 60_000 });
    removeKeys(folder.path, "alice", "phone");
    await reloader.reloadKeys();
    expect(heard).toHaveLength(MANY);
    // Nor is the way back barred, nor the next removal after it.
    expect(await reloader.goBack()).toBe(true);
    expect(reloader.notice).toContain("opens any door: 1.3e-6, above 1.0e-6");
    removeKeys(folder.path, "alice", "d0");
    await reloader.reloadKeys();
    expect(heard).toHaveLength(MANY - 1);
  });

  test("a confirmation that is refused confirms nothing, and waits for a reload that runs", async () => {
    using folder = new StateFolder();
    const { reloader, calls, refused } = stage(folder);
    write(folder, "23/tcp");
    const armed = reloader.reload({ armMs: 60_000 });
    const refusal = await reloader
      .between(() => Promise.reject(new Error(`after ${calls.at(-1)}`)), true)
      .catch(String);
    expect(refusal).toBe("Error: after reloaded");
    await armed;
    expect(refused).toEqual([]);
    expect(await reloader.goBack()).toBe(true);
  });

  test("stays once it is confirmed", async () => {
    using folder = new StateFolder();
    const { reloader, calls } = stage(folder);
    write(folder, "23/tcp");
    await reloader.reload({ armMs: 60_000 });
    expect(calls).toEqual(["hear 23", "guard 23", "enter 23, keep 22", "reloaded"]);
    expect(await reloader.between(() => Promise.resolve("armed anew"), false)).toBe("armed anew");
    expect(calls.at(-1)).toBe("reloaded");
    expect(await reloader.between(() => Promise.resolve("confirmed"), true)).toBe("confirmed");
    expect(calls.at(-1)).toBe("enter 23, keep 23");
    expect(await reloader.goBack()).toBe(false);
  });
});
