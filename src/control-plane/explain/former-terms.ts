/** The terms of doors until a reload changed them: the holder of an older link should be told that it is void. */

import type { Door, Settings } from "../../config/settings.ts";

/** More reloads than this within the memory of sources are an administrator's experiments. */
const MOST = 8;

export interface FormerDoor {
  /** The former door with its present users; a door that is gone keeps its own. */
  readonly door: Door;
  /** When it was changed, in Unix milliseconds. */
  readonly untilMs: number;
}

/** Whether a link made for `link` opens `door`: more ports than required do no harm. */
function stillOpens(link: Door, door: Door): boolean {
  const terms = ({ name, space: { proto, lo, hi, stepSeconds } }: Door) =>
    [name, proto, lo, hi, stepSeconds].join(" ");
  return terms(link) === terms(door) && link.space.ports >= door.space.ports;
}

export class FormerTerms {
  #doors: readonly FormerDoor[] = [];

  /** The latest first. */
  get doors(): readonly FormerDoor[] {
    return this.#doors;
  }

  /** `next` has replaced `before`. */
  entered(before: Settings, next: Settings, nowMs: number): void {
    const rotating = (settings: Settings) => settings.doors.filter(({ users }) => users.length > 0);
    const now = rotating(next);
    const gone = rotating(before).map((door) => ({ door, untilMs: nowMs }));
    const all: FormerDoor[] = [];
    for (const { door, untilMs } of [...gone, ...this.#doors]) {
      const users = now.find(({ name }) => name === door.name)?.users ?? door.users;
      const known = [...now, ...all.map((former) => former.door)];
      if (known.some((other) => stillOpens(door, other))) continue;
      all.push({ door: { ...door, users }, untilMs });
    }
    this.#doors = all.slice(0, MOST);
  }
}
