/**
 * As much of HTTP/1.1 (RFC 9112) as this API needs: one request with a body of known length, one
 * answer, the end. Pure.
 */

/** The most bytes of a request's line and header fields; more is an attack. */
export const MOST_HEAD_BYTES = 8_192;

/** The outer fence; the limit of the apps answers with a sentence. */
export const MOST_BODY_BYTES = 65_536;

/** The head of a request: everything before its body. */
export interface Head {
  readonly method: string;
  /** "/v1/doors?x=y" */
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The length of the head in bytes: the body begins there. */
  readonly length: number;
  readonly bodyLength: number;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

const REQUEST_LINE = /^([A-Z]{1,16}) (\/[\u0021-\u007e]*) HTTP\/1\.[01]$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\u0020-\u007e\u0080-\u00ff]*?)[ \t]*$/;

/**
 * The head at the beginning of `bytes`; "more" where its end has not come yet; or the status that
 * refuses it.
 */
export function parseHead(bytes: Buffer): Head | "more" | 400 | 411 | 413 | 431 {
  const end = bytes.subarray(0, MOST_HEAD_BYTES).indexOf("\r\n\r\n");
  if (end < 0) return bytes.length < MOST_HEAD_BYTES ? "more" : 431;
  const [line = "", ...rest] = bytes.toString("latin1", 0, end).split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) return 400;
  const fields: [string, string][] = [];
  for (const one of rest) {
    const [, name, value] = FIELD.exec(one) ?? [];
    if (name === undefined || value === undefined) return 400;
    fields.push([name.toLowerCase(), value]);
  }
  const all = (wanted: string) => fields.filter(([name]) => name === wanted);
  if (all("transfer-encoding").length > 0) return 411;
  const [length, second] = all("content-length").map(([, value]) => value);
  // Two lengths that differ smuggle one request inside another; so do two hosts.
  if (second !== undefined || all("host").length > 1) return 400;
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 400;
  const bodyLength = Number(length ?? 0);
  if (bodyLength > MOST_BODY_BYTES) return 413;
  return { method, target, fields, length: end + 4, bodyLength };
}

/** The request in the form that an app takes. The host is in its Host field, not in its URL. */
export function makeRequest({ method, target, fields, length }: Head, bytes: Buffer): Request {
  const body = method === "GET" || method === "HEAD" ? null : bytes.subarray(length);
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return new Request(`http://localhost${target}`, { method, headers, body });
}

/** An answer in the form of the wire; the connection ends with it. */
export async function renderResponse(response: Response, method: string): Promise<Buffer> {
  const body = Buffer.from(await response.arrayBuffer());
  const fields = [...response.headers].filter(([name]) => name !== "content-length");
  // The length that GET would have is unknown here, and may be left out (RFC 9110, 8.6).
  if (method !== "HEAD") fields.push(["content-length", String(body.length)]);
  fields.push(["connection", "close"]);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const { status } = response;
  const head = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n${lines}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), method === "HEAD" ? Buffer.alloc(0) : body]);
}
