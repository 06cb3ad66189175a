/** sallyport.toml(5): every key of config.toml with its default and what it may be, from the schema. */

import { configJsonSchema, type KeySchema } from "../../../src/config/json-schema.ts";
import { type Meaning, MEANINGS } from "../../../src/config/meanings.ts";
import { block, bold, inline, item, page, plain, section, title } from "./roff.ts";

/** A value in TOML; for text, numbers and lists of text that is the same as in JSON. */
function toml(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(toml).join(", ")}]` : JSON.stringify(value);
}

function choices({ type, enum: words, minimum, maximum }: KeySchema): string[] {
  if (words !== undefined)
    return [`One of ${words.map((word) => `\`${toml(word)}\``).join(", ")}.`];
  if (minimum !== undefined && maximum !== undefined)
    return [`A whole number from ${minimum} to ${maximum}.`];
  return type === "boolean" ? ["`true` or `false`."] : [];
}

function standard(schema: KeySchema, { text, otherwise }: Meaning): string[] {
  if (schema.default !== undefined) return [`Default: \`${toml(schema.default)}\`.`];
  return otherwise === undefined || text.includes("Default:") ? [] : [`Default: ${otherwise}.`];
}

function keys(
  table: KeySchema,
  meanings: Readonly<Record<string, Meaning>>,
  before = "",
): string[] {
  return Object.entries(table.properties ?? {}).flatMap(([key, schema]) => {
    const meaning = meanings[key]!;
    const said = [`${meaning.text}.`, ...choices(schema), ...standard(schema, meaning)].join(" ");
    const own = item(bold(before + key), inline(said.charAt(0).toUpperCase() + said.slice(1)));
    return schema.properties === undefined
      ? [own]
      : [own, ...keys(schema, MEANINGS.run, `${key}.`)];
  });
}

const ABOUT = `What sallyport guards and who may knock, in TOML: /etc/sallyport/config.toml, else config.toml of the working
directory, or what is named with \`--config\`. It holds no secret: keys are made by \`sallyport user add\` and kept in keys.toml of the
state folder. \`sallyport check\` tells every mistake at once, with file and line, and what a reload would mean; \`sallyport check --schema\`
prints the schema this page is made of, for editors.`;

const VALUES = `Durations are text with one unit: \`"500ms"\`, \`"30s"\`, \`"10m"\`, \`"8h"\`, \`"1d"\`. Ports are text: \`"22/tcp"\`, \`"51820/udp"\`,
\`"6000-6010/tcp"\`; without a protocol they are TCP.`;

const EXAMPLE = `[door.ssh]
opens = ["22/tcp"]
users = ["alice"]
idle_close = "10m"`;

export function configPage(version: string, date: string): string {
  const tables = Object.entries(configJsonSchema().properties ?? {}).flatMap(([name, table]) => {
    const doors = table.additionalProperties;
    const [head, own] =
      typeof doors === "object" ? [`[${name}.NAME]`, doors] : [`[${name}]`, table];
    return [`.SH ${plain(head)}`, ...keys(own, MEANINGS[name as keyof typeof MEANINGS])];
  });
  return page([
    title({ name: "sallyport.toml", section: 5, date, version, manual: "File Formats" }),
    section("Name"),
    "sallyport.toml \\- configuration of sallyport(1)",
    section("Description"),
    inline(ABOUT.replaceAll("\n", " ")),
    `.PP\n${inline(VALUES.replaceAll("\n", " "))}`,
    ...tables,
    section("Example"),
    block(EXAMPLE),
    section("See also"),
    `\\fBsallyport\\fR(1), \\fBrks1\\fR(7)`,
    `.PP\n${plain("docs/config.md of the sources tells more: what is refused and why, taking a change, coming from knockd.")}`,
  ]);
}
