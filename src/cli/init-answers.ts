/** The answers of `sallyport init`: given by options, asked for, or proposed by the machine. */

import { ExitCode, SallyportError } from "../core/errors.ts";
import type { Answers, Written } from "../init/answers.ts";
import type { Machine } from "../init/machine.ts";
import { ask } from "./ask.ts";
import { note } from "./links.ts";
import { printable } from "./output.ts";

const QUESTIONS: Readonly<Record<keyof Answers, string>> = {
  guard: "Which ports shall be hidden?",
  users: "Who may knock, by name?",
  host: "By which name or address do clients reach this server?",
};

/** The option that gives the answer in advance. */
const OPTION: Readonly<Record<keyof Answers, string>> = {
  guard: "--guard",
  users: "--user",
  host: "--host",
};

function showServices({ services }: Machine): void {
  if (services.length === 0) {
    note("Nothing that others could reach listens on this machine yet.");
    return;
  }
  note("This machine listens on");
  for (const { proto, port, program } of services) {
    note(`  ${`${port}/${proto}`.padEnd(10)} ${printable(program ?? "")}`.trimEnd());
  }
}

/**
 * The others are asked for, or, where `asks` is false, those that the machine proposes are taken.
 * Throws a usage error where there is no answer, or a given one is wrong.
 */
export async function answersOf(
  machine: Machine,
  given: Partial<Written>,
  asks: boolean,
): Promise<Answers> {
  const { proposals, READERS } = await import("../init/answers.ts");
  const proposed = proposals(machine);
  if (asks && given.guard === undefined) showServices(machine);
  const answer = async <Key extends keyof Answers>(key: Key): Promise<Answers[Key]> => {
    const read = READERS[key] as (text: string) => Answers[Key];
    const known = given[key] ?? (asks ? undefined : proposed[key]);
    if (known !== undefined) {
      if (known === "") throw unanswered(key);
      return read(known);
    }
    for (;;) {
      const text = await ask(QUESTIONS[key], proposed[key]);
      try {
        return read(text);
      } catch (error) {
        if (!(error instanceof SallyportError)) throw error;
        note(error.message);
      }
    }
  };
  return {
    guard: await answer("guard"),
    users: await answer("users"),
    host: await answer("host"),
  };
}

function unanswered(key: keyof Answers): SallyportError {
  return new SallyportError(
    `Cannot set up: there is nobody to ask "${QUESTIONS[key]}": give ${OPTION[key]}`,
    ExitCode.usage,
  );
}
