/** Where a local port leads: to a port of the host of a saved profile. */

import { firstTcpPort } from "../client/profile-source.ts";
import { formatForward } from "../client/places.ts";
import type { Forward } from "../client/places.ts";
import { readProfile } from "../client/profile-files.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import { opensPort, portsOf } from "./routes.ts";
import type { Route } from "./routes.ts";

/**
 * The route of a forward as its profile is now. A link that names no port leaves it to the forward. Throws a
 * SallyportError where the profile cannot be read, or its door opens another port.
 */
export function forwardRoute(folder: string, forward: Forward): Route {
  const { profile: name, at } = forward;
  const refuse = (state: string, remedy: string): never => {
    throw new SallyportError(
      `Cannot forward ${formatForward(forward)}: ${state}: ${remedy}`,
      ExitCode.usage,
    );
  };
  const profile = readProfile(folder, name);
  const ports = portsOf(profile);
  const port = forward.port ?? firstTcpPort(profile);
  if (port === undefined) {
    return refuse(
      `the link of ${name} names no port`,
      `write one behind it: ${at.port}=${name}:22`,
    );
  }
  if (ports !== "" && !opensPort(profile, port)) {
    return refuse(`the door ${profile.door} opens ${ports}`, "name a port of these");
  }
  return { name, profile, to: { host: profile.host, port } };
}
