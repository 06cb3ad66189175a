/** Every published vector of RKS1, against each client that is one file. */

import { expect, test } from "bun:test";
import vectors from "../../docs/rks-vectors.json" with { type: "json" };
import { run } from "../support/programs.ts";
import { fileOf } from "./knockers.ts";

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

test("sallyport_knock.py is written in the Python of 3.8", () => {
  const parse = `import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))`;
  run(["python3", "-c", parse, fileOf("sallyport_knock.py")]);
});
