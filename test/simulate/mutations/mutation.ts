/** One bug: a line of the code, and what becomes of it. */

export interface Mutation {
  readonly name: string;
  /** Below src/. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly line: string;
  readonly becomes: string;
  /** Only stories of years can show it. */
  readonly takesYears?: true;
}

export function mutation(name: string, file: string, line: string, becomes: string): Mutation {
  return { name, file, line, becomes };
}

export function longMutation(...of: Parameters<typeof mutation>): Mutation {
  return { ...mutation(...of), takesYears: true };
}
