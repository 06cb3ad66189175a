/** Heads of HTTP requests: whole, in pieces, and anything at all. */

import { describe, expect, test } from "bun:test";
import { array, assert, constantFrom, oneof, property, string, uint8Array } from "fast-check";
import { httpFailure, readHttpRequest } from "../../../src/agent/http-request.ts";

const read = (text: string) => readHttpRequest(Buffer.from(text, "latin1"));

/** The status of the answer to a broken request. */
function statusOf(text: string): number | string {
  const said = read(text);
  return said.kind === "broken"
    ? Number(/^HTTP\/1\.1 (\d{3}) /.exec(Buffer.from(said.answer).toString())?.[1])
    : said.kind;
}

describe("readHttpRequest()", () => {
  test.each([
    ["gate.example:443", "gate.example", 443],
    ["192.0.2.1:22", "192.0.2.1", 22],
    ["[2001:db8::1]:443", "2001:db8::1", 443],
  ])("reads CONNECT to %s", (target, host, port) => {
    const head = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Connection: keep-alive\r\n\r\n`;
    expect(read(`${head}\x16\x03`)).toEqual({
      kind: "whole",
      value: { method: "CONNECT", to: { host, port } },
      length: head.length,
    });
    for (let length = 0; length < head.length; length++) {
      expect(read(head.slice(0, length))).toEqual({ kind: "more" });
    }
  });

  test("reads GET with its headers, the first of each", () => {
    const said = read("GET /proxy.pac HTTP/1.1\r\nHOST:  a:1 \r\nhost: b\r\nX:\r\n\r\n");
    expect(said.kind === "whole" && said.value).toEqual({
      method: "GET",
      path: "/proxy.pac",
      headers: new Map([
        ["host", "a:1"],
        ["x", ""],
      ]),
    });
  });

  test.each([
    ["CONNECT gate.example HTTP/1.1\r\n\r\n", 400],
    ["CONNECT gate.example:0 HTTP/1.1\r\n\r\n", 400],
    ["CONNECT gate.example:65536 HTTP/1.1\r\n\r\n", 400],
    ["CONNECT 2001:db8::1:443 HTTP/1.1\r\n\r\n", 400],
    ["CONNECT http://gate.example:443 HTTP/1.1\r\n\r\n", 400],
    ["CONNECT [::1]x:443 HTTP/1.1\r\n\r\n", 400],
    ["CONNECT a:1 HTTP/2\r\n\r\n", 400],
    ["CONNECT  a:1 HTTP/1.1\r\n\r\n", 400],
    ["CONNECT a:1 HTTP/1.1\r\nno colon\r\n\r\n", 400],
    ["CONNECT a:1 HTTP/1.1\r\n folded: x\r\n\r\n", 400],
    ["connect a:1 HTTP/1.1\r\n\r\n", 400],
    ["GET http://gate.example/ HTTP/1.1\r\n\r\n", 405],
    ["POST /proxy.pac HTTP/1.1\r\n\r\n", 405],
    ["OPTIONS * HTTP/1.1\r\n\r\n", 405],
    [`GET /${"a".repeat(9_000)}`, 431],
    ["A".repeat(8_191), "more"],
    ["CONNECT a:1 HTTP/1.1\n\n", "more"],
  ])("answers %j with %p", (head, status) => {
    expect(statusOf(head)).toBe(status);
  });
});

test("httpFailure() has a status for each kind, and no page may read it", () => {
  const kinds = ["forbidden", "silent", "refused", "failed"] as const;
  const answers = kinds.map((kind) => Buffer.from(httpFailure(kind, "why")).toString());
  expect(answers.map((answer) => answer.slice(9, 12))).toEqual(["403", "504", "502", "502"]);
  for (const answer of answers) {
    expect(answer).toEndWith("\r\n\r\nsallyport: why\n");
    expect(answer).toContain("Cross-Origin-Resource-Policy: same-origin\r\n");
    expect(answer).not.toContain("Access-Control");
  }
});

test("readHttpRequest() takes no time for a header of blanks that is none", () => {
  // With a pattern that may begin and end them anywhere, minutes, in which the agent carries nothing.
  const head = `GET / HTTP/1.1\r\nA:${" ".repeat(8_000)}\rx\r\n\r\n`;
  expect(readHttpRequest(Buffer.from(head)).kind).toBe("broken");
});

test("whatever is sent, the reader does not throw, and says the same when more follows a message", () => {
  const piece = oneof(
    constantFrom("CONNECT ", "GET ", "/", "a:1", "[", "]", ":", " HTTP/1.1", "\r\n", "\r\n\r\n"),
    string({ maxLength: 4 }),
  );
  const some = oneof(
    array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(""), "latin1")),
    uint8Array({ maxLength: 200 }),
  );
  assert(
    property(some, uint8Array({ maxLength: 8 }), (sent, more) => {
      const said = readHttpRequest(sent);
      if (said.kind === "more") return;
      expect(readHttpRequest(Buffer.concat([sent, more]))).toEqual(said);
    }),
    { numRuns: 2_000 },
  );
});
