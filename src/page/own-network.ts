/** Whether the browser may keep this page from a host of the network that it is in itself. */

/** The permission's names in Chromium, which asks for it since 142. */
const NAMES = ["local-network-access", "local-network"];

const PRIVATE_4 =
  /^(10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;
const PRIVATE_6 = /^(f[cd]|fe[89ab])[0-9a-f]*:/i;
const PRIVATE_NAME = /^[^.:]+$|\.(local|lan|home|internal|home\.arpa|fritz\.box)\.?$/i;

/** Of a name that says nothing about its addresses, false. */
export function looksPrivate(host: string): boolean {
  return PRIVATE_4.test(host) || PRIVATE_6.test(host) || PRIVATE_NAME.test(host);
}

/**
 * True where a look at `host` may be refused, or held up by a question: knocks leave all the same, since
 * the browser asks once a connection is there. Pages from a file are not asked.
 */
export async function mayBeKeptFrom(host: string): Promise<boolean> {
  if (location.protocol === "file:" || !looksPrivate(host)) return false;
  for (const name of NAMES) {
    try {
      const { state } = await navigator.permissions.query({ name: name as PermissionName });
      return state !== "granted";
    } catch {
      // This browser does not know the permission by this name.
    }
  }
  return false;
}
