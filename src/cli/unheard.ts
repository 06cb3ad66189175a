/** What to say where nobody listens on a socket, and a sallyport guards here all the same. */

import { type OpError, SallyportError } from "../core/errors.ts";
import { shellWord } from "../core/shell-command.ts";
import { hasListener } from "./control-socket.ts";

export interface Unheard {
  /** Two clauses of a message. */
  readonly state: string;
  readonly remedy: string;
  /** Whether the daemon lost its socket, and hears nothing but signals until it listens again. */
  readonly lost: boolean;
}

/** Undefined where no sallyport guards here, or this user may not see it. */
export async function findUnheard(socket: string): Promise<Unheard | undefined> {
  const { describeHolder, hangUpCommand, isGuarding, socketOfGuard } =
    await import("../control-plane/guard/guard-lock.ts");
  if (isGuarding() !== "yes") return undefined;
  const own = socketOfGuard();
  if (own !== undefined && own !== socket && (await hasListener(own))) {
    return {
      state: `the sallyport that guards here${describeHolder()} listens on ${own}`,
      remedy: `name that one: --socket ${shellWord(own)}`,
      lost: false,
    };
  }
  return {
    state: `the sallyport that guards here${describeHolder()} has lost its socket, and listens again within half a minute where it can`,
    remedy: `run "${hangUpCommand()}": it reads its files and listens again at once`,
    lost: true,
  };
}

/** The refusal that names the daemon that was not reached; `refusal` itself where there is none. */
export async function explainUnheard(refusal: OpError): Promise<SallyportError> {
  const { operation, object, exitCode } = refusal;
  try {
    const found = await findUnheard(object);
    if (found === undefined) return refusal;
    const { state, remedy } = found;
    return new SallyportError(`Cannot ${operation} ${object}: ${state}: ${remedy}`, exitCode);
  } catch (error) {
    // Without the library nobody can ask the kernel.
    if (error instanceof SallyportError) return refusal;
    throw error;
  }
}
