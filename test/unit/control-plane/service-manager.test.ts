/** The reports to the service manager: their content, their time, and failures. */

import { describe, expect, test } from "bun:test";
import type { Notifier } from "../../../src/control-plane/notify.ts";
import { ServiceManager } from "../../../src/control-plane/service-manager.ts";

/** Records its calls; every `tell` may throw. */
function notifierOf(told: string[], tell: (word: string) => void = () => {}, watchdogMs?: number) {
  const say = (word: string) => {
    told.push(word);
    tell(word);
  };
  return {
    ...(watchdogMs !== undefined && { watchdogMs }),
    ready: (status) => say(`ready ${status}`),
    reloading: () => say("reloading"),
    stopping: () => say("stopping"),
    watchdog: () => say("watchdog"),
    status: (sentence) => say(`status ${sentence}`),
  } satisfies Notifier;
}

/** Resolves when a timer of this period, like the watchdog's, has rung so often. */
function ticks(count: number, periodMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (--count > 0) return;
    clearInterval(timer);
    resolve();
  }, periodMs);
  return promise;
}

const silent = () => {};

describe("ServiceManager", () => {
  test("tells of a start, a reload and the end, in that order", () => {
    const told: string[] = [];
    const manager = new ServiceManager(notifierOf(told), silent);
    manager.ready("Guarding 22/tcp", async () => true);
    manager.reloading();
    manager.reloaded("Guarding 23/tcp");
    manager.stopping();
    expect(told).toEqual([
      "ready Guarding 22/tcp",
      "reloading",
      "ready Guarding 23/tcp",
      "stopping",
    ]);
  });

  test("asks nobody for a sign of life where there is no manager", () => {
    const lines: string[] = [];
    const manager = new ServiceManager(undefined, (_, line) => lines.push(line));
    manager.ready("", () => Promise.reject(new Error("asked")));
    manager.reloading();
    manager.stopping();
    expect(lines).toEqual([]);
  });

  test("feeds the watchdog while the data plane answers, and not when it is dead", async () => {
    const told: string[] = [];
    const fed = Promise.withResolvers<void>();
    const heard = (word: string) => void (word === "watchdog" && fed.resolve());
    const manager = new ServiceManager(notifierOf(told, heard, 4), silent);
    const deadTwice = Promise.withResolvers<void>();
    let asked = 0;
    const alive = async () => {
      if (++asked <= 2) return false;
      if (asked === 3) deadTwice.resolve();
      return true;
    };
    manager.ready("up", alive);
    await deadTwice.promise;
    expect(told).toEqual(["ready up"]);
    await fed.promise;
    manager.stopping();
    expect(told.at(-1)).toBe("stopping");
    const askedBefore = asked;
    await ticks(10, 2);
    expect([told.at(-1), asked]).toEqual(["stopping", askedBefore]);
  });

  test("logs once that it cannot tell, and goes on", () => {
    const lines: string[] = [];
    const broken = () => {
      throw new Error("Cannot send: ECONNREFUSED");
    };
    const told: string[] = [];
    const manager = new ServiceManager(notifierOf(told, broken), (_, line) => lines.push(line));
    manager.ready("up", async () => true);
    manager.reloading();
    manager.stopping();
    expect(lines).toEqual(["The service manager cannot be told: Cannot send: ECONNREFUSED"]);
    expect(told).toEqual(["ready up", "reloading", "stopping"]);
  });
});
