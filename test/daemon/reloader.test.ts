/** A reload: all of it or nothing, and one after the other; from real files. */

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type Configuration, readConfiguration } from "../../src/daemon/configuration.ts";
import { Reloader } from "../../src/daemon/reloader.ts";
import { StateFolder } from "../store/support.ts";

/** A configuration file with one door to this port. */
function write(folder: StateFolder, port: string): void {
  const text = `[server]\nstate_dir = "${folder.path}"\n[door.ssh]\nopens = ["${port}"]\nusers = ["alice"]\n`;
  writeFileSync(folder.file("config.toml"), text);
}

const portsOf = ({ settings }: Pick<Configuration, "settings">) =>
  settings.doors.flatMap(({ opens }) => opens.map(({ from }) => from));

function stage(folder: StateFolder) {
  const file = folder.file("config.toml");
  write(folder, "22/tcp");
  let current = readConfiguration(file);
  const calls: string[] = [];
  const refused: string[] = [];
  const failing = new Set<string>();
  const call = (name: string) => {
    calls.push(name);
    if (failing.has(name)) throw new Error(`Cannot ${name}`);
  };
  const reloader = new Reloader({
    file,
    current: () => current,
    configure: async ({ doors }) => {
      await Promise.resolve();
      call(`hear ${doors[0]!.opens[0]!.from}`);
    },
    guard: (settings) => call(`guard ${portsOf({ settings }).join()}`),
    entered: (next) => {
      call(`enter ${portsOf(next).join()}`);
      current = next;
    },
    keysEntered: ({ keys, settings }) => {
      call(`enter ${keys.length} keys`);
      current = { ...current, keys, settings };
    },
    refused: (error) => refused.push(String(error)),
  });
  return { reloader, refused, calls, failing, current: () => portsOf(current), file };
}

describe("Reloader.reload()", () => {
  test("hears by the new configuration before it guards by it, and says what it took", async () => {
    using folder = new StateFolder();
    const { reloader, calls, file } = stage(folder);
    write(folder, "23/tcp");
    expect(await reloader.reload()).toBe(`Reloaded ${file}: 1 door, 0 keys`);
    expect(calls).toEqual(["hear 23", "guard 23", "enter 23"]);
  });

  test("touches nothing when the file is wrong", async () => {
    using folder = new StateFolder();
    const { reloader, refused, calls, current } = stage(folder);
    write(folder, "99999/tcp");
    const said = await reloader.reload().catch(String);
    expect(said).toContain("99999/tcp");
    expect(refused).toEqual([said]);
    expect([calls, current()]).toEqual([[], [22]]);
  });

  test("takes back what it did when the kernel refuses the guard, and can be tried again", async () => {
    using folder = new StateFolder();
    const { reloader, calls, failing, current } = stage(folder);
    write(folder, "23/tcp");
    failing.add("guard 23");
    expect(await reloader.reload().catch(String)).toBe("Error: Cannot guard 23");
    expect([calls, current()]).toEqual([["hear 23", "guard 23", "hear 22"], [22]]);
    failing.clear();
    await reloader.reload();
    expect(current()).toEqual([23]);
  });

  test("leaves the guard alone when the knocks of the new configuration cannot be heard", async () => {
    using folder = new StateFolder();
    const { reloader, calls, failing, current } = stage(folder);
    write(folder, "23/tcp");
    failing.add("hear 23");
    expect(await reloader.reload().catch(String)).toBe("Error: Cannot hear 23");
    expect([calls, current()]).toEqual([["hear 23"], [22]]);
  });

  test("runs one reload after the other, however many are asked for", async () => {
    using folder = new StateFolder();
    const { reloader, calls } = stage(folder);
    await Promise.all([reloader.reload(), reloader.reload()]);
    const once = ["hear 22", "guard 22", "enter 22"];
    expect(calls).toEqual([...once, ...once]);
  });
});
