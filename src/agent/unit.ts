/** The systemd unit of a user's agent. Pure. */

/** One word of a setting (systemd.syntax(7)); "%" would begin a specifier. */
function setting(text: string): string {
  const plain = text.replaceAll("%", "%%");
  return /^[\w./%$@:=,+[\]-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** A word of ExecStart=, where "$" names a variable as well. */
function argument(text: string): string {
  return setting(text.replaceAll("$", "$$$$"));
}

/** Where profiles and used slots are, for a manager that was started without these. */
const FOLDERS = ["XDG_CONFIG_HOME", "XDG_STATE_HOME"];

/** `argv`: the agent's command line; its first word is an absolute path. */
export function agentUnit(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): string {
  const folders = FOLDERS.flatMap((name) => {
    const path = environment[name] ?? "";
    return path.startsWith("/") ? [`Environment=${setting(`${name}=${path}`)}\n`] : [];
  });
  return `[Unit]
Description=sallyport agent: knocks for the programs of this user
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${argv.map(argument).join(" ")}
${folders.join("")}Restart=on-failure
RestartSec=5
# A mistake in its command line or a broken profile: trying again mends neither.
RestartPreventExitStatus=64 78
# Either variable turns the executable into another program, or makes it load one.
UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN
NoNewPrivileges=yes
UMask=0077
# A dump of memory would hold keys.
LimitCORE=0

[Install]
WantedBy=default.target
`;
}
