/** The heads of HTTP/1 requests, and answers to them: CONNECT (RFC 9110, 9.3.6), and GET for one page. Pure. */

import type { Destination } from "../client/dial.ts";
import type { FailureKind, Parsed } from "./parsed.ts";

/** A request: CONNECT to a host and port, or GET of a path. */
export type HttpRequest =
  | { readonly method: "CONNECT"; readonly to: Destination }
  | { readonly method: "GET"; readonly path: string; readonly headers: HttpHeaders };

/** The first value of each header; names in lower case. */
export type HttpHeaders = ReadonlyMap<string, string>;

/** Longer than any head of a CONNECT; a browser may send long cookies with GET, which none is needed for. */
const HEAD_BYTES = 8_192;

const REASON = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
  504: "Gateway Timeout",
} as const;

type Status = keyof typeof REASON;

const STATUS_OF: Readonly<Record<FailureKind, Status>> = {
  forbidden: 403,
  refused: 502,
  silent: 504,
  failed: 502,
};

/** The end of the head ends the answer: what follows is the connection. */
export const HTTP_CONNECTED: Uint8Array = Buffer.from(
  "HTTP/1.1 200 Connection established\r\n\r\n",
);

/**
 * A whole answer that ends the connection. No web page may read it or run it as a script, whichever way it
 * got at it.
 */
export function httpAnswer(status: Status, body: string, type = "text/plain"): Uint8Array {
  const allow = status === 405 ? ["Allow: CONNECT, GET"] : [];
  const head = [
    `HTTP/1.1 ${status} ${REASON[status]}`,
    `Content-Type: ${type}; charset=utf-8`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...allow,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Cross-Origin-Resource-Policy: same-origin",
    "Connection: close",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

export function httpFailure(kind: FailureKind, reason: string): Uint8Array {
  return httpAnswer(STATUS_OF[kind], `sallyport: ${reason}\n`);
}

function broken(status: Status, reason: string): Parsed<never> {
  return { kind: "broken", reason, answer: httpAnswer(status, `sallyport: ${reason}\n`) };
}

/** "gate.example:443", "[2001:db8::1]:443". */
function readAuthority(text: string): Destination | undefined {
  const [, literal, name, digits = ""] =
    /^(?:\[([^[\]]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = literal ?? name;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function readHeaders(lines: readonly string[]): HttpHeaders | undefined {
  const headers = new Map<string, string>();
  for (const line of lines) {
    // Blanks are taken off afterwards: a pattern with them on both sides tries for minutes what is no value.
    const [, name, value = ""] = /^([!#$%&'*+.^_`|~\w-]+):(.*)$/.exec(line) ?? [];
    if (name === undefined) return undefined;
    const key = name.toLowerCase();
    if (!headers.has(key)) headers.set(key, value.trim());
  }
  return headers;
}

/** Reads a head up to its empty line. */
export function readHttpRequest(bytes: Uint8Array): Parsed<HttpRequest> {
  const text = Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) {
    if (text.length < HEAD_BYTES) return { kind: "more" };
    return broken(431, `the head of the request is longer than ${HEAD_BYTES} bytes`);
  }
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const [, method, target = ""] = /^([A-Z]+) ([\x21-\x7e]+) HTTP\/1\.[01]$/.exec(first) ?? [];
  const headers = readHeaders(lines);
  if (method === undefined || headers === undefined) return broken(400, "this is no HTTP request");
  const length = end + 4;
  if (method === "CONNECT") {
    const to = readAuthority(target);
    if (to === undefined) return broken(400, "the request names no host and port");
    return { kind: "whole", value: { method, to }, length };
  }
  if (method === "GET" && target.startsWith("/")) {
    return { kind: "whole", value: { method, path: target, headers }, length };
  }
  return broken(
    405,
    "this port carries connections, by CONNECT or SOCKS5: for plain http:// set it as a SOCKS5 proxy",
  );
}
