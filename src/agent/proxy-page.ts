/** `/proxy.pac`: tells a browser which connections go through the agent, and nothing to anybody else. Pure. */

import { formatAddress, isLoopbackHost, parseAddress, unmapped } from "../core/address.ts";
import { httpAnswer } from "./http-request.ts";
import type { HttpHeaders } from "./http-request.ts";
import { formatPlace } from "../client/places.ts";
import type { Place } from "../client/places.ts";
import type { Reach } from "./routes.ts";

const PATH = "/proxy.pac";

/** The address of the page. */
export function proxyPage(at: Place): string {
  return `http://${formatPlace(at)}${PATH}`;
}

/**
 * Whether somebody asks who knows this address, not a page: a browser says for which page it asks, except
 * where it looks for its proxy; and a name that a page had changed to lead here stands in Host.
 */
function isTrusted(headers: HttpHeaders, at: Place): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  if (site !== "none" || headers.has("origin") || headers.has("referer")) return false;
  const names = isLoopbackHost(at.address) ? ["localhost"] : [];
  const hosts = [at.address, ...names].map((address) => formatPlace({ ...at, address }));
  return hosts.includes((headers.get("host") ?? "").toLowerCase());
}

/** As a browser writes a host: a link may have "2001:DB8::0:1", or a dot behind a name. */
function asBrowsersWrite(host: string): string {
  const address = parseAddress(host);
  return address === undefined ? host.toLowerCase().replace(/\.$/, "") : formatAddress(address);
}

/** In the JavaScript of 1996, which every reader of such files runs. */
function script(doors: readonly Reach[], at: Place): string {
  const list = doors.map(({ host, from, to }) => [asBrowsersWrite(host), from, to]);
  return `var doors = ${JSON.stringify(list)};
var usual = { http: 80, https: 443, ws: 80, wss: 443, ftp: 21 };
function FindProxyForURL(url, host) {
  var parts = /^([a-z]+):\\/\\/(?:[^\\/?#@]*@)?(?:\\[[^\\]]*\\]|[^\\/?#:]*)(?::([0-9]+))?/i.exec(url);
  if (!parts) return "DIRECT";
  var port = Number(parts[2] || usual[parts[1].toLowerCase()]);
  var name = host.toLowerCase().replace(/^\\[|\\]$|\\.$/g, "");
  for (var i = 0; i < doors.length; i++) {
    if (doors[i][0] == name && doors[i][1] <= port && port <= doors[i][2]) return "SOCKS5 ${formatPlace(at)}";
  }
  return "DIRECT";
}
`;
}

/** A port of both families names its end of an IPv4 connection ::ffff:127.0.0.1. */
function asDialled(place: Place): Place {
  const address = parseAddress(place.address);
  return address === undefined ? place : { ...place, address: formatAddress(unmapped(address)) };
}

/** The answer to a GET; `cameIn` is where. */
export function answerGet(
  path: string,
  headers: HttpHeaders,
  doors: readonly Reach[],
  cameIn: Place,
): Uint8Array {
  const at = asDialled(cameIn);
  if (!isTrusted(headers, at)) {
    return httpAnswer(403, "sallyport: this page is not for other pages\n");
  }
  if (path !== PATH) {
    return httpAnswer(
      404,
      `sallyport agent: a SOCKS5 and HTTP CONNECT proxy, for the hosts of this user's profiles.\nThe automatic configuration for a browser is ${proxyPage(at)}\n`,
    );
  }
  return httpAnswer(200, script(doors, at), "application/x-ns-proxy-autoconfig");
}
