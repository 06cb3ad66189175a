/** "Did you mean": the known word nearest to a mistyped one. */

/** Levenshtein distance of two short words, with swapped neighbours counted as one mistake. */
function distance(a: string, b: string): number {
  const width = b.length + 1;
  const cells = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => cells[i * width + j]!;
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) {
        cells[i * width + j] = i + j;
        continue;
      }
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, at(i - 2, j - 2) + 1);
      }
      cells[i * width + j] = least;
    }
  }
  return at(a.length, b.length);
}

/** The word nearest to `written`, if it is near enough to be meant: a third of it may be wrong. */
export function nearest(written: string, words: readonly string[]): string | undefined {
  if (written.length > 40) return undefined;
  const plain = written.toLowerCase().replaceAll("-", "_");
  let best: { word: string; off: number } | undefined;
  for (const word of words) {
    const off = distance(plain, word);
    if (off <= Math.max(1, Math.floor(word.length / 3)) && off < (best?.off ?? Infinity)) {
      best = { word, off };
    }
  }
  return best?.word;
}
