/** The order in which the ports of a knock are sent: docs/rks.md, "Knocking". */

/**
 * Every port twice: all of them in random order, then all again, the halves of that order shuffled
 * anew. A knock is whole with its first half: that is the shortest time to the door, and leaves forged
 * packets the least time to crowd it out. A burst of losses shorter than half a sequence takes no
 * port twice.
 */
export function sendingOrder(ports: Iterable<number>, random: () => number): number[] {
  const first = shuffled([...ports], random);
  const half = first.length >> 1;
  const again = [first.slice(0, half), first.slice(half)];
  return [...first, ...again.flatMap((part) => shuffled(part, random))];
}

/** Fisher and Yates, in place. */
function shuffled(order: number[], random: () => number): number[] {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
