/** The log with readers who are slow, gone or have no room; on real pipes. */

import { describe, expect, test } from "bun:test";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { LogOutput } from "../../../src/control-plane/log-output.ts";
import { StateFolder } from "../../support/store.ts";
import { run } from "../../support/programs.ts";

const LINE = `${"x".repeat(98)}\n`;

class Pipe implements Disposable {
  readonly #folder = new StateFolder();
  readonly writer: number;
  #reader: number | undefined;
  dropped = 0;
  readonly output: LogOutput;

  constructor() {
    const path = this.#folder.file("log");
    run(["mkfifo", path]);
    this.#reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writer = openSync(path, constants.O_WRONLY);
    this.output = new LogOutput({
      fd: this.writer,
      tellDropped: (lines) => `dropped ${lines}\n`,
      dropped: () => this.dropped++,
    });
  }

  /** All bytes that can be read now. */
  read(): string {
    const buffer = Buffer.alloc(1 << 20);
    let length = 0;
    try {
      for (let n = -1; n !== 0; length += n)
        n = readSync(this.#reader!, buffer, length, buffer.length - length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
    return buffer.toString("utf8", 0, length);
  }

  leave(): void {
    if (this.#reader !== undefined) closeSync(this.#reader);
    this.#reader = undefined;
  }

  [Symbol.dispose](): void {
    this.leave();
    closeSync(this.writer);
    this.#folder[Symbol.dispose]();
  }
}

describe("LogOutput", () => {
  test("passes lines on at once, those longer than a pipe's piece whole", () => {
    using pipe = new Pipe();
    const long = `${"y".repeat(20_000)}\n`;
    pipe.output.write(LINE);
    pipe.output.write(long);
    expect(pipe.read()).toBe(LINE + long);
    expect(pipe.dropped).toBe(0);
  });

  test("keeps what nobody takes, drops and counts what is too much, and tells of it to who reads again", async () => {
    using pipe = new Pipe();
    for (let i = 0; i < 5_000; i++) pipe.output.write(LINE);
    expect(pipe.dropped).toBeGreaterThan(1_000);
    let read = "";
    while (!read.endsWith(`dropped ${pipe.dropped}\n`)) {
      read += pipe.read();
      await Bun.sleep(5);
    }
    const whole = read.split("\n").filter((line) => line.length === 98).length;
    expect(whole + pipe.dropped).toBe(5_000);
  });

  test("flush() waits no longer than it may, and writes all it can", () => {
    using pipe = new Pipe();
    for (let i = 0; i < 1_000; i++) pipe.output.write(LINE);
    expect(pipe.dropped).toBe(0);
    const began = performance.now();
    pipe.output.flush(100);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(pipe.dropped).toBeGreaterThan(0);
    const whole = pipe
      .read()
      .split("\n")
      .filter((line) => line.length === 98).length;
    expect(whole + pipe.dropped).toBeGreaterThanOrEqual(999);
  });

  test("counts every line that nobody will ever read, and never throws", () => {
    using pipe = new Pipe();
    pipe.leave();
    for (let i = 0; i < 10; i++) pipe.output.write(LINE);
    expect(pipe.dropped).toBeGreaterThanOrEqual(10);
    pipe.output.flush(100);
  });
});
