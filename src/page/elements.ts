/** The elements of page.html by their ids, and small changes to them. */

export function find(id: string): HTMLElement {
  return findA(HTMLElement, id);
}

/** An element of a certain kind. */
export function findA<E extends Element>(kind: new () => E, id: string): E {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`page.html has no ${kind.name} "${id}"`);
}

/** Sets a text; an element without one is hidden. Writes only what changes, since screen readers read it. */
export function say(id: string, text: string | undefined): void {
  const element = find(id);
  if (element.textContent !== (text ?? "")) element.textContent = text ?? "";
  element.hidden = text === undefined;
}

export function list(id: string, items: readonly string[]): void {
  const element = find(id);
  element.hidden = items.length === 0;
  element.replaceChildren(
    ...items.map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }),
  );
}
