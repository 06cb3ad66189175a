/** `sallyport agent`: a proxy for the programs of this user, which knocks where a door is closed. */

import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { DEFAULT_PLACE, formatPlace, isPrivate, readForward, readPlace } from "../client/places.ts";
import type { Forward, Place } from "../client/places.ts";
import { parseDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import type { AgentSettings } from "./agent-settings.ts";
import { installAgentUnit, removeAgentUnit } from "./agent-unit.ts";
import {
  delayOption,
  ipv4Option,
  ipv6Option,
  note,
  timeoutOption,
  triesOption,
  verboseOption,
} from "./knock-options.ts";
import { runAgentHere } from "./run-agent.ts";

const EXAMPLES = `
A program of this user dials a host and port of a saved profile: by SOCKS5 or HTTP CONNECT, or at a port of
this computer (--forward). Where the port is closed, the agent knocks, and holds the dial until it opens. It
connects to nothing else. A browser learns which hosts these are from http://127.0.0.1:1080/proxy.pac.

Examples:
  sallyport agent                      for all saved profiles, on 127.0.0.1:1080
  curl -x socks5h://127.0.0.1:1080 https://gate.example
                                       a program that goes through it
  sallyport agent --forward 8443=home:443
                                       https://localhost:8443 leads to port 443 of the host of "home"
  sallyport agent --install            whenever you log in: a unit of systemd for this user`;

function readListen(text: string): Place {
  const found = readPlace(text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError('Write a port, or an address and a port: "127.0.0.1:1080".');
}

function addForward(text: string, before: readonly Forward[]): readonly Forward[] {
  const found = readForward(text);
  if (found !== undefined) return [...before, found];
  throw new InvalidArgumentError('Write "8443=home:443": a port here, a profile, a port there.');
}

function readKeep(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 5_000 && ms <= 86_400_000) return ms;
  throw new InvalidArgumentError('Write a duration from "5s" to "1d".');
}

/**
 * Throws (exit 64) for places that cannot be meant: one that other computers reach, where nobody said that
 * they may, and one named twice.
 */
function checkPlaces({ listen, forward, share }: AgentSettings): void {
  const places = [...(listen === false ? [] : [listen]), ...forward.map(({ at }) => at)];
  const open = places.find((one) => !isPrivate(one));
  if (open !== undefined && share !== true) {
    throw new SallyportError(
      `Cannot listen on ${open.address}: other computers would come through your doors: name 127.0.0.1, or add --share if they may`,
      ExitCode.usage,
    );
  }
  const names = places.map(formatPlace);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new SallyportError(
      `Cannot listen on ${twice}: it is named twice: give the proxy and each --forward a port of its own`,
      ExitCode.usage,
    );
  }
  if (places.length > 0) return;
  throw new SallyportError(
    "Cannot start the agent: --no-listen leaves nothing to dial: add a --forward, or leave it out",
    ExitCode.usage,
  );
}

/** An agent of root has root's profiles, and refuses the programs of whoever called sudo. */
function noteSudo(): void {
  if (process.getuid?.() !== 0 || process.env["SUDO_UID"] === undefined) return;
  note("this is the agent of root, with root's profiles: leave sudo out to have one of your own");
}

export function agentCommand(): CommandUnknownOpts {
  return new Command("agent")
    .description("Knock for the programs of this user: a proxy, and local ports, into doors")
    .argument("[profiles...]", "saved profiles to serve (default: all)")
    .addOption(
      new Option("--listen <place>", "where SOCKS5 and HTTP CONNECT listen")
        .argParser(readListen)
        .default(DEFAULT_PLACE, "127.0.0.1:1080"),
    )
    .option("--no-listen", "only the ports of --forward")
    .addOption(
      new Option("--forward <port=profile:port>", "a local port into a door; may be repeated")
        .argParser(addForward)
        .default<readonly Forward[]>([], "none"),
    )
    .option("--keep <duration>", "knock again so often while a door is used", readKeep)
    .option("--share", "let other users, and with --listen other computers, through, too")
    .addOption(ipv4Option())
    .addOption(ipv6Option())
    .addOption(delayOption())
    .addOption(triesOption())
    .addOption(timeoutOption())
    .addOption(new Option("--install", "write a systemd unit of this user").conflicts("remove"))
    .option("--print", "with --install: print the unit, and write nothing")
    .option("--remove", "delete that unit")
    .addOption(verboseOption())
    .addHelpText("after", EXAMPLES)
    .action(async (names, { install, remove, print: only, ...settings }) => {
      if (only && !install) {
        throw new SallyportError(
          "Cannot print: --print belongs to --install: name both",
          ExitCode.usage,
        );
      }
      if (remove) return removeAgentUnit();
      checkPlaces(settings);
      noteSudo();
      if (install) return installAgentUnit(names, settings, only === true);
      await runAgentHere(names, settings);
    });
}
