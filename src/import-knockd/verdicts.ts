/** The fate of each line: the worst remark on it counts, and all remarks are printed. */

export type Level = "converted" | "different" | "not";

/** A remark on a line; the text is a clause. */
export interface Remark {
  readonly level: Level;
  readonly text: string;
}

export const same = (text: string): Remark => ({ level: "converted", text });
export const different = (text: string): Remark => ({ level: "different", text });
export const not = (text: string): Remark => ({ level: "not", text });

const ORDER: readonly Level[] = ["converted", "different", "not"];

export interface Verdict {
  readonly line: number;
  readonly level: Level;
  /** None of them twice. */
  readonly texts: readonly string[];
}

export class Verdicts {
  readonly #remarks = new Map<number, Remark[]>();

  add(line: number, ...remarks: readonly Remark[]): void {
    const before = this.#remarks.get(line) ?? [];
    this.#remarks.set(line, [...before, ...remarks]);
  }

  /** The line had no result after all: only the reason is still of interest. */
  leaveOut(line: number, remark: Remark): void {
    const before = this.#remarks.get(line) ?? [];
    const kept = before.filter(({ level }) => level === "not");
    this.#remarks.set(line, kept.length > 0 ? kept : [remark]);
  }

  has(line: number): boolean {
    return this.#remarks.has(line);
  }

  /** In the order of the lines. */
  list(): Verdict[] {
    return [...this.#remarks]
      .sort(([a], [b]) => a - b)
      .map(([line, remarks]) => {
        const levels = remarks.map(({ level }) => ORDER.indexOf(level));
        const texts = [...new Set(remarks.map(({ text }) => text))].filter((text) => text !== "");
        return { line, level: ORDER[Math.max(0, ...levels)]!, texts };
      });
  }
}
