/** A link behind the "#" of the page's own address. */

/** Takes the link out of the address, and the address with it out of the history of this tab. */
export function takeLinkFromAddress(place: Location, history: History): string | undefined {
  if (place.hash.length < 2) return undefined;
  const encoded = place.hash.slice(1);
  history.replaceState(null, "", `${place.pathname}${place.search}`);
  if (/^rks1:/i.test(encoded)) return encoded;
  try {
    const text = decodeURIComponent(encoded);
    return /rks1:/i.test(text) ? text : undefined;
  } catch {
    return undefined; // a broken percent escape, so no link
  }
}
