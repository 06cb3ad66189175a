/** The doors in the form that the API shows. */

import type { DoorView } from "../api/control.ts";
import type { Door } from "../config/settings.ts";
import { formatDuration } from "../core/duration.ts";
import { formatPortRange } from "../core/port.ts";
import type { Openings } from "./openings.ts";

export function viewDoors(doors: readonly Door[], openings: Pick<Openings, "count">): DoorView[] {
  return doors.map((door) => ({
    name: door.name,
    opens: door.opens.map(formatPortRange),
    knock: door.users.length > 0 ? "rotating" : "fixed",
    users: door.users,
    openFor: formatDuration(door.openForMs),
    grants: openings.count(door.name),
  }));
}
