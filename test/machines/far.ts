/**
 * Somebody who is reached by other links than a plain wire. The machine plays him itself, in a namespace of its own, so that
 * its kernel has to know the link and the computer that runs the test need not:
 *
 *     machine: near 10.80.0.1 ── far 10.80.0.2 :namespace "far"
 */

import { FIXED } from "./scene.ts";

/** Makes the plain link anew. */
export function makeFar(): string {
  return `set -e
ip link delete near 2>/dev/null || true
ip netns add far 2>/dev/null || true
ip link add near type veth peer name far netns far
ip address add 10.80.0.1/24 dev near
ip -n far address add 10.80.0.2/24 dev far
ip -n far link set lo up
ip -n far link set far up
ip link set near up`;
}

/** From the far side: a port that is shut, once a grant of the step before is over, and a knock that opens it. */
export function knockFrom(address: string): string {
  return `
for i in $(seq 30); do
  met=$(ip netns exec far timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/22 && echo open' 2>&1)
  grep -q refused <<<"$met" && break
  sleep 0.3
done
grep -q refused <<<"$met" || {
  echo "without a knock: $met"
  ip -brief address; ip -n far -brief address; ip -n far neighbour; wg show 2>/dev/null; ip netns exec far wg show 2>/dev/null
  nft list ruleset | grep -v elements; ip netns exec far ping -c 1 -W 2 ${address}
  exit 1
}
ip netns exec far sallyport knock ${address} ${FIXED.join(" ")} --wait 22 --timeout 10s`;
}
