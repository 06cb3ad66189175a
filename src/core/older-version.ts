/** The order of versions that are numbers between dots. */

/** Whether `found` ("5.4.0-42-generic", "0.9.8") comes before `wanted` ("5.10"). */
export function isOlderVersion(found: string, wanted: string): boolean {
  const parts = (version: string) => version.split(/[.-]/).map((part) => Number.parseInt(part, 10));
  const [have, want] = [parts(found), parts(wanted)];
  const at = want.findIndex((number, i) => (have[i] || 0) !== number);
  return at >= 0 && (have[at] || 0) < want[at]!;
}
