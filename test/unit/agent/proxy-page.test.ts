/** `/proxy.pac`: what a browser reads in it, and who may read it. */

import { describe, expect, test } from "bun:test";
import { runInNewContext } from "node:vm";
import { answerGet, proxyPage } from "../../../src/agent/proxy-page.ts";

const AT = { address: "127.0.0.1", port: 1080 };
const DOORS = [
  { host: "Gate.Example", from: 443, to: 443 },
  { host: "gate.example", from: 8000, to: 8010 },
  { host: "2001:db8::1", from: 80, to: 80 },
  { host: "2001:DB8:0::2", from: 80, to: 80 },
  { host: "dot.example.", from: 80, to: 80 },
];

function get(path: string, headers: Record<string, string> = { host: "127.0.0.1:1080" }): string {
  return Buffer.from(answerGet(path, new Map(Object.entries(headers)), DOORS, AT)).toString();
}

/** What a browser makes of the page. */
function find(url: string, host = new URL(url).hostname): string {
  const [, script = ""] = get("/proxy.pac").split("\r\n\r\n");
  return runInNewContext(`${script}; FindProxyForURL(url, host)`, { url, host }) as string;
}

describe("the page", () => {
  test.each([
    ["https://gate.example/", true],
    ["https://GATE.example/a:80", true],
    ["https://gate.example./", true],
    ["https://alice@gate.example/?x", true],
    ["wss://gate.example/socket", true],
    ["http://gate.example:8005/", true],
    ["http://[2001:db8::1]/", true],
    ["http://[2001:db8:0:0::2]/", true],
    ["http://dot.example/", true],
    ["http://dot.example./", true],
    ["http://gate.example/", false],
    ["http://gate.example:8011/", false],
    ["https://gate.example:444/", false],
    ["https://www.gate.example/", false],
    ["https://elsewhere.example/", false],
    ["https://elsewhere.example:443@gate.example/", true],
    ["https://gate.example:443@elsewhere.example/", false],
    ["file:///etc/passwd", false],
  ])("sends %s through the agent: %p", (url, through) => {
    expect(find(url)).toBe(through ? "SOCKS5 127.0.0.1:1080" : "DIRECT");
  });

  test("is of a type that no browser runs as a script of another page", () => {
    const page = get("/proxy.pac");
    expect(page).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(page).toContain("Content-Type: application/x-ns-proxy-autoconfig");
    expect(page).toContain("X-Content-Type-Options: nosniff\r\n");
    expect(page).toContain("Cross-Origin-Resource-Policy: same-origin\r\n");
    expect(page).not.toMatch(/Access-Control/i);
  });
});

test.each([
  { host: "127.0.0.1:1080" },
  { host: "localhost:1080" },
  { host: "LOCALHOST:1080", "sec-fetch-site": "none" },
])("answerGet() gives the page to %p", (headers) => {
  expect(get("/proxy.pac", headers)).toStartWith("HTTP/1.1 200 ");
});

test.each<Record<string, string>>([
  { "no-host": "at all" },
  { host: "rebound.example:1080" },
  { host: "127.0.0.1" },
  { host: "127.0.0.1:1081" },
  { host: "127.0.0.1:1080", origin: "https://elsewhere.example" },
  { host: "127.0.0.1:1080", origin: "null" },
  { host: "127.0.0.1:1080", referer: "https://elsewhere.example/" },
  { host: "127.0.0.1:1080", "sec-fetch-site": "cross-site" },
  { host: "127.0.0.1:1080", "sec-fetch-site": "same-origin" },
])("answerGet() gives nothing to %p", (headers) => {
  for (const path of ["/proxy.pac", "/"]) {
    const page = get(path, headers);
    expect(page).toStartWith("HTTP/1.1 403 ");
    expect(page.toLowerCase()).not.toContain("gate.example");
  }
});

test("answerGet() tells whoever opens another path where the page is", () => {
  expect(get("/")).toMatch(/^HTTP\/1\.1 404 [^]*http:\/\/127\.0\.0\.1:1080\/proxy\.pac/);
  expect(get("/")).not.toContain("xample");
});

test("proxyPage() writes an IPv6 address in brackets", () => {
  expect(proxyPage({ address: "::1", port: 1080 })).toBe("http://[::1]:1080/proxy.pac");
});

test("answerGet() knows the IPv4 address that a port of both families was dialled by", () => {
  const at = { address: "::ffff:127.0.0.1", port: 1080 };
  for (const host of ["127.0.0.1:1080", "localhost:1080"]) {
    const page = Buffer.from(answerGet("/proxy.pac", new Map([["host", host]]), DOORS, at));
    expect(page.toString()).toContain('return "SOCKS5 127.0.0.1:1080"');
  }
});
