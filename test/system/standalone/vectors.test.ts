/** Every published vector of RKS1, against each client of one file. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import vectors from "../../../docs/rks-vectors.json" with { type: "json" };
import { run } from "../../support/programs.ts";
import { fileOf, POWERSHELL, programsFolder } from "./knockers.ts";
import { decodeBase32 } from "../../../src/rks/base32.ts";

const PORTS = vectors.sequences.map(({ ports }) => ports);
const KEYS = vectors.serverKeys.map(({ key }) => key);

const PYTHON = `
import base64, json, sys
sys.path.insert(0, sys.argv[1])
import sallyport_knock as rks
vectors = json.load(sys.stdin)
read = lambda text: base64.b32decode(text + "=" * (-len(text) % 8))
print(json.dumps({
    "ports": [rks.sequence_ports(read(v["key"]), v["door"], v["lo"], v["hi"], v["n"], v["slot"]) for v in vectors["sequences"]],
    "keys": [base64.b32encode(rks.server_key(read(v["master"]), v["server"])).decode().rstrip("=") for v in vectors["serverKeys"]],
}))`;

test("sallyport_knock.py draws every published sequence and derives every published key", () => {
  const { out } = run(["python3", "-B", "-c", PYTHON, fileOf("")], {
    input: JSON.stringify(vectors),
  });
  expect(JSON.parse(out)).toEqual({ ports: PORTS, keys: KEYS });
});

/** Reads "key door lo hi n slot" a line, and a master and a server; prints ports and keys. */
const SHELL = `
SALLYPORT_KNOCK_FUNCTIONS=yes
. "$1"
find_hasher
while read -r key door lo hi n slot; do
  decode_base32 "$key"
  set_key $R
  if [ -n "$slot" ]; then sequence_ports "$door" "$lo" "$hi" "$n" "$slot"; else hmac "RKS1\\000server\\000$door"; fi
  printf '%s\\n' "$R"
done`;

const LINES = [
  ...vectors.sequences.map(({ key, door, lo, hi, n, slot }) => [key, door, lo, hi, n, slot]),
  ...vectors.serverKeys.map(({ master, server }) => [master, server]),
].map((words) => `${words.join(" ")}\n`);

const ANSWERS = [
  ...PORTS.map((ports) => ports.join(" ")),
  ...KEYS.map((key) => Buffer.from(decodeBase32(key)!).toString("hex")),
];

test.each([
  ["dash", ["dash"]],
  ["bash", ["bash"]],
  ["busybox ash", ["busybox", "ash"]],
])("sallyport-knock.sh draws and derives what is published, in %s", (_, shell) => {
  const words = [...shell, "-c", SHELL, "sh", fileOf("sallyport-knock.sh")];
  const { out, err } = run(words, { input: LINES.join("") });
  expect(err).toBe("");
  expect(out.trimEnd().split("\n")).toEqual(ANSWERS);
});

test("sallyport-knock.ps1 draws and derives what is published, in C#", () => {
  const { out } = run([...POWERSHELL.argv, "vectors"], { input: LINES.join("") });
  expect(out.trimEnd().split("\n")).toEqual(ANSWERS);
});

test("sallyport-knock.ps1 is ASCII: PowerShell 5.1 takes a file without a mark for the system's code page", () => {
  expect(readFileSync(fileOf("sallyport-knock.ps1"), "utf8")).toMatch(/^[\n -~]*$/);
});

test.each(["openssl dgst", "shasum -a 256", "busybox sha256sum"])(
  "sallyport-knock.sh computes with %s where there is nothing else",
  (command) => {
    const [program = ""] = command.split(" ");
    using folder = programsFolder([program]);
    const words = [
      "env",
      `PATH=${folder.path}`,
      "/bin/sh",
      "-c",
      SHELL,
      "sh",
      fileOf("sallyport-knock.sh"),
    ];
    expect(run(words, { input: LINES[0]! }).out.trim()).toBe(ANSWERS[0]!);
  },
);

test("sallyport-knock.sh is clean to shellcheck", () => {
  expect(
    run(["shellcheck", "--shell=sh", fileOf("sallyport-knock.sh")], { mayFail: true }),
  ).toEqual({
    code: 0,
    out: "",
    err: "",
  });
});

test("sallyport_knock.py is written in the Python of 3.8", () => {
  const parse = `import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))`;
  run(["python3", "-c", parse, fileOf("sallyport_knock.py")]);
});
