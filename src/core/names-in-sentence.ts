/** Ten names are enough for a sentence. */
const MOST_NAMED = 10;

/** "alice, bob and 3 more": the first names in their order, `most` at most; the rest are counted. */
export function namesInSentence(names: readonly string[], most = MOST_NAMED): string {
  const rest = names.length - most;
  return `${names.slice(0, most).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
