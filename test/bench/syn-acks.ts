/** How the answers to SYNs are recognised on a wire, and where their fields are. */

/**
 * Passes TCP segments of IPv4 without options that have SYN and ACK; `man 7 packet`, linux/filter.h
 */
export const SYN_ACKS = [
  [0x30, 0, 0, 23], // ldb [protocol]
  [0x15, 0, 4, 6], // jeq TCP, else drop
  [0x30, 0, 0, 47], // ldb [flags]
  [0x54, 0, 0, 0x12], // and SYN | ACK
  [0x15, 0, 1, 0x12], // jeq both, else drop
  [0x06, 0, 0, 0xffff],
  [0x06, 0, 0, 0],
] as const;

/** Offset of the destination address in an Ethernet frame of IPv4 without options. */
export const IP_DESTINATION = 30;
