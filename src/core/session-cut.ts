/** Sessions that were cut after their grant was over, in the words of `close`, the log and the audit log. */

export interface SessionCut {
  readonly door: string;
  readonly address: string;
  readonly sessions: number;
}

export function describeCut({ door, address, sessions }: SessionCut): string {
  const [what, whose] = sessions === 1 ? ["session", "its"] : ["sessions", "their"];
  return `Cut ${sessions} ${what} through ${door} from ${address}: ${whose} grant was over already`;
}
