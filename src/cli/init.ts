/** `sallyport init`: from nothing to a guarded door and the link that opens it. */

import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { DEFAULT_DEVICE } from "../config/names.ts";
import { SERVICE_CONFIG } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../core/clock.ts";
import { formatDuration } from "../core/duration.ts";
import { ExitCode, SallyportError } from "../core/errors.ts";
import type { Finding } from "../core/finding.ts";
import { shellWord } from "../core/shell-command.ts";
import type { Answers } from "../init/answers.ts";
import type { Place } from "../init/start.ts";
import type { Step } from "../init/steps.ts";
import { addDevice } from "./add-device.ts";
import { checkKeys } from "./check-keys.ts";
import { ask, canAsk } from "./ask.ts";
import { reachedAddress } from "./caller.ts";
import { answersOf } from "./init-answers.ts";
import { note, printLinks } from "./links.ts";
import { finishUnread, printable } from "./output.ts";
import { readProbation } from "./probation-time.ts";
import { tellKeys } from "./tell-keys.ts";

/** docs/other-clients.md, docs/page.md */
const OTHER_CLIENTS = `Where there is no sallyport, the clients of one file do the same:
  python3 sallyport_knock.py --save NAME
  sh sallyport-knock.sh --save NAME
  powershell -ExecutionPolicy Bypass -File sallyport-knock.ps1 --save NAME
For a phone, "sallyport page --output knock.html" writes a page that knocks: put it on any https host`;

interface Options {
  readonly guard?: string | undefined;
  readonly user?: string | undefined;
  readonly host?: string | undefined;
  readonly config: string;
  readonly probation: string;
  readonly start: boolean;
  readonly check?: true | undefined;
  readonly yes?: true | undefined;
}

function tellFindings(findings: readonly Finding[]): void {
  for (const { level, check, sentence, remedy } of findings) {
    note(printable(`${level}: ${check}: ${sentence}${remedy === undefined ? "" : `: ${remedy}`}`));
  }
  const problems = findings.filter(({ level }) => level === "problem").length;
  if (problems === 0) return;
  throw new SallyportError(
    `Cannot set up: ${problems === 1 ? "1 problem" : `${problems} problems`} above would stop every knock: mend it, then run this again; nothing was changed`,
  );
}

async function requireYes(): Promise<void> {
  if (!canAsk()) {
    throw new SallyportError(
      "Cannot set up: there is nobody to ask whether it is meant: give --yes; nothing was changed",
      ExitCode.usage,
    );
  }
  const answer = await ask("Go on? [Y/n]");
  if (answer !== "" && !/^y(es)?$/i.test(answer)) throw new SallyportError("Nothing was changed");
}

/** A key that exists is kept, and its link stays where it was handed out. */
async function makeKeys(settings: Settings, { host, users }: Answers, steps: readonly Step[]) {
  const made = steps.flatMap((step) => (step.type === "key" ? [step.user] : []));
  const socket = made.length === 0 ? undefined : await checkKeys(settings, {});
  for (const user of made) {
    printLinks(addDevice(settings, { user, device: DEFAULT_DEVICE }, { host }, systemClock));
  }
  for (const user of users.filter((one) => !made.includes(one))) {
    note(`${user} has a key already: "sallyport user show ${user}" prints its link`);
  }
  if (made.length === 0) return;
  note(OTHER_CLIENTS);
  await tellKeys(settings, { socket });
}

/** All that is known before anything is changed. */
async function look(options: Options) {
  const { answersIn, formatGuard } = await import("../init/answers.ts");
  const { draftConfig, readDraft } = await import("../init/draft.ts");
  const { readMachine } = await import("../init/machine.ts");
  const { readKeyed, readPresent } = await import("../init/present.ts");
  const { stepsLeft } = await import("../init/steps.ts");
  const probationMs = readProbation(options.probation);
  const machine = readMachine(process.env, reachedAddress());
  const present = readPresent(options.config);
  const given = {
    ...(present.settings !== undefined && answersIn(present.settings)),
    ...(options.guard !== undefined && { guard: options.guard }),
    ...(options.user !== undefined && { users: options.user }),
    ...(options.host !== undefined && { host: options.host }),
  };
  const asks = options.yes !== true && options.check !== true && canAsk();
  const answers = await answersOf(machine, given, asks);
  const draft = draftConfig(answers);
  const starts = options.start && machine.hasSystemd;
  return {
    answers,
    draft,
    guard: formatGuard(answers.guard),
    present,
    probation: formatDuration(probationMs),
    probationMs,
    starts,
    steps: stepsLeft(answers, present, readKeyed(present.settings ?? readDraft(draft)), starts),
  };
}

type Seen = Awaited<ReturnType<typeof look>>;

async function tellSteps({ steps, guard, probation }: Seen, options: Options): Promise<void> {
  const { describeStep } = await import("../init/steps.ts");
  if (steps.length === 0) note("Everything is set up: nothing is left to do");
  else note("Left to do:");
  for (const step of steps) {
    note(`  ${describeStep(step, { config: options.config, guard, probation })}`);
  }
}

/** Whatever would stop half-way is found before the first change. */
async function checkFirst({ present, draft, steps }: Seen, place: Place): Promise<void> {
  if (steps.some(({ type }) => type === "units")) {
    const { requirePlace } = await import("../service/install.ts");
    requirePlace(place);
  }
  if (present.settings !== undefined) return;
  const { examineDraft } = await import("../init/examine-draft.ts");
  tellFindings(await examineDraft(draft));
}

async function carryOut(seen: Seen, place: Place): Promise<void> {
  const { installUnits, startOnProbation } = await import("../init/start.ts");
  const { writeConfig } = await import("../init/write-config.ts");
  const { answers, draft, guard, present, probation, probationMs, steps } = seen;
  finishUnread();
  const has = (type: Step["type"]) => steps.some((step) => step.type === type);
  if (has("config")) {
    for (const path of writeConfig(place.config, draft, present.replaces)) note(`Wrote ${path}`);
  }
  const settings = loadSettings(place.config);
  await makeKeys(settings, answers, steps);
  if (has("units")) for (const path of installUnits(place)) note(`Wrote ${path}`);
  if (!has("start")) return;
  startOnProbation(settings, Date.now(), probationMs);
  note(`Guarding ${guard} from now on, for ${probation} on probation: your session stays`);
}

function tellNext({ guard, probation, present, starts }: Seen, { config }: Options): void {
  if (present.guards) return;
  if (!starts) {
    const named = config === SERVICE_CONFIG ? "" : ` --config ${shellWord(config)}`;
    note(`Next: sudo sallyport serve --arm ${probation}${named}`);
    note(`It guards ${guard} on probation: unless you confirm in time, the kernel opens it again.`);
  }
  note("Come in by a knock, in a new connection, then: sudo sallyport confirm");
}

async function run(options: Options): Promise<void> {
  if (options.check !== true) requireRoot();
  const seen = await look(options);
  await tellSteps(seen, options);
  if (options.check === true) {
    if (seen.steps.length > 0) process.exitCode = ExitCode.failure;
    return;
  }
  const place = { executable: process.execPath, config: resolve(options.config) };
  await checkFirst(seen, place);
  if (seen.steps.length > 0 && options.yes !== true) await requireYes();
  await carryOut(seen, place);
  tellNext(seen, options);
}

function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new SallyportError(
    "Cannot set up: this changes who gets in: run it as root; --check needs no root and changes nothing",
    ExitCode.privilege,
  );
}

export function initCommand() {
  return new Command("init")
    .description("Set up: hide a port, make the first key, and start on probation")
    .option("--guard <ports>", 'ports to hide, such as "22/tcp,443/tcp" (default: the one of sshd)')
    .option("--user <names>", "who may knock: alice,bob (default: who called sudo)")
    .option("--host <host>", "name or address by which clients reach this server")
    .option("--probation <duration>", "how long you have to confirm, 5s to 24h", "10m")
    .option(
      "--config <file>",
      "configuration to write; one that exists is kept as it is",
      SERVICE_CONFIG,
    )
    .option("--no-start", "leave the service alone")
    .option("--check", "say what is left to do, and change nothing; exit with 1 where something is")
    .option("--yes", "ask nothing")
    .addHelpText(
      "after",
      "\nAsks what is not given, tells what it will do, and asks once more. Run again, it does what is left and" +
        "\nchanges nothing else. The session you work in is not cut, and unless you confirm, the kernel opens the" +
        "\nports again, even when the daemon is dead.\n" +
        "\nExamples:\n  sudo sallyport init" +
        "\n  sudo sallyport init --yes --guard 22/tcp --user alice --host gate.example",
    )
    .action(run);
}
