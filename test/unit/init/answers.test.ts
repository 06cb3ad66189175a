/** The answers of `sallyport init`: what is read from text, and what a machine proposes. */

import { describe, expect, test } from "bun:test";
import { ExitCode, SallyportError } from "../../../src/core/errors.ts";
import {
  answersIn,
  formatGuard,
  proposals,
  readGuard,
  readHost,
  readUsers,
} from "../../../src/init/answers.ts";
import type { Machine, Service } from "../../../src/init/machine.ts";
import { parseSettings } from "../../../src/config/load.ts";

const tcp = (port: number, program?: string): Service => ({ proto: "tcp", port, program });

function machine(...services: Service[]): Machine {
  return { services, host: "203.0.113.7", user: "zoe", hasSystemd: true };
}

test("proposals() hides the port of sshd, wherever it listens, else 22/tcp, else nothing", () => {
  const guardOf = (...services: Service[]) => proposals(machine(...services)).guard;
  expect(guardOf(tcp(22), tcp(2022, "sshd (pid 7)"))).toBe("2022/tcp");
  expect(guardOf(tcp(22), tcp(80, "nginx (pid 8)"))).toBe("22/tcp");
  expect(guardOf(tcp(80, "nginx (pid 8)"))).toBe("");
  expect(guardOf({ proto: "udp", port: 22, program: undefined })).toBe("");
});

test("readGuard() takes ports as people write them", () => {
  expect(formatGuard(readGuard(" 22, 51820/udp 6000-6010/tcp"))).toBe(
    "22/tcp, 51820/udp, 6000-6010/tcp",
  );
});

test("readUsers() takes each name once", () => {
  expect(readUsers("alice,bob, alice")).toEqual(["alice", "bob"]);
});

test("readHost() takes names and addresses, with brackets or not", () => {
  for (const host of ["gate.example", "203.0.113.7", "2001:db8::7", "fe80::1%eth0"]) {
    expect(readHost(` ${host} `)).toBe(host);
  }
  expect(readHost("[2001:db8::7]")).toBe("2001:db8::7");
});

describe("refuses", () => {
  test.each([
    ["no port", () => readGuard(" , "), "it names no port"],
    ["a name of a service", () => readGuard("22/tcp ssh"), '"ssh" is no port'],
    ["port 0", () => readGuard("0/tcp"), '"0/tcp" is no port'],
    ["no user", () => readUsers(""), "it names no user"],
    ["everybody", () => readUsers("*"), '"*" is no name'],
    ["a host with a blank", () => readHost("my gate"), '"my gate" is no host'],
    ["a link in place of a host", () => readHost("https://gate"), "is no host"],
    ["no host", () => readHost(""), "is no host"],
  ])("%s", (_, read, says) => {
    try {
      read();
    } catch (error) {
      expect(error).toBeInstanceOf(SallyportError);
      expect((error as SallyportError).exitCode).toBe(ExitCode.usage);
      expect((error as SallyportError).message).toContain(says);
      return;
    }
    throw new Error("was read");
  });
});

test("answersIn() finds what a configuration says already, and no fixed door", () => {
  const settings = parseSettings(`[server]
host = "gate.example"
[door.ssh]
opens = ["22/tcp"]
users = ["alice"]
[door.old]
opens = ["8443/tcp"]
sequence = ["7000", "9000", "8000"]`);
  expect(answersIn(settings)).toEqual({ guard: "22/tcp", users: "alice", host: "gate.example" });
  const everybody = parseSettings('[door.ssh]\nopens = ["22/tcp"]\nusers = ["*"]');
  expect(answersIn(everybody)).toEqual({ guard: "22/tcp" });
});
