/** libnftables: runs nft commands given as text, and returns the output of nft. */

import { CString } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import { OpError } from "../core/errors.ts";
import { shortageRemedy } from "../core/system-error.ts";
import { changed, closeLater } from "./close-later.ts";
import { hasFreeDescriptors } from "./descriptor-limit.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "./netlink/socket.ts";
import { openLibrary } from "./library.ts";
import { withSpareDescriptors } from "./spare-descriptors.ts";

const LIBNFTABLES = {
  sonames: ["libnftables.so.1"],
  packages: "libnftables1 (Debian), nftables (Fedora, Alpine, Arch)",
} as const;

/** The oldest version that the rule set was tested with; older ones do not know all its words. */
export const OLDEST_LIBNFTABLES = "0.9.8";

/** nftables/libnftables.h: NFT_CTX_DEFAULT */
const NFT_CTX_DEFAULT = 0;
/** nftables/libnftables.h: NFT_CTX_OUTPUT_JSON */
const NFT_CTX_OUTPUT_JSON = 1 << 4;
/** nftables/libnftables.h: NFT_CTX_OUTPUT_STATELESS */
const NFT_CTX_OUTPUT_STATELESS = 1 << 2;
/** nftables/libnftables.h: NFT_CTX_OUTPUT_TERSE */
const NFT_CTX_OUTPUT_TERSE = 1 << 11;

function load() {
  return openLibrary(LIBNFTABLES, {
    nft_ctx_new: {
      args: ["u32"], // uint32_t flags
      returns: "ptr", // struct nft_ctx *
    },
    nft_ctx_free: { args: ["ptr"], returns: "void" },
    nft_ctx_buffer_output: { args: ["ptr"], returns: "int" },
    nft_ctx_buffer_error: { args: ["ptr"], returns: "int" },
    nft_ctx_get_output_buffer: { args: ["ptr"], returns: "ptr" }, // const char *
    nft_ctx_get_error_buffer: { args: ["ptr"], returns: "ptr" }, // const char *
    nft_ctx_output_set_flags: {
      args: [
        "ptr", // struct nft_ctx *ctx
        "u32", // unsigned int flags
      ],
      returns: "void",
    },
    nft_ctx_set_dry_run: {
      args: [
        "ptr", // struct nft_ctx *ctx
        "bool", // bool dry
      ],
      returns: "void",
    },
    nft_run_cmd_from_buffer: {
      args: [
        "ptr", // struct nft_ctx *nft
        "buffer", // const char *buf
      ],
      returns: "int",
    },
  }).symbols;
}

let loaded: ReturnType<typeof load> | undefined;

export interface NftOptions {
  /** Check only: the kernel judges the commands, but nothing changes. Default false. */
  readonly dryRun?: boolean;
  /** Print JSON. Default false. */
  readonly json?: boolean;
  /** Leave out the elements of sets. Default false. */
  readonly terse?: boolean;
  /**
   * Leave out values that change by themselves: counters, and the remaining lives of elements.
   * Default false.
   */
  readonly stateless?: boolean;
}

/** The output of one run; `ok` is whether the whole text took effect. */
export interface NftResult {
  readonly ok: boolean;
  readonly output: string;
  /** nft's own messages, several lines; empty on success. */
  readonly error: string;
}

/** Two sockets, for the rules and for the names of interfaces, and one that another thread may take meanwhile. */
const DESCRIPTORS = 3;

function tooFew(): OpError {
  return new OpError({
    operation: "run",
    object: "nft",
    detail: "too few descriptors are free",
    code: 0,
    remedy: shortageRemedy("EMFILE")!,
  });
}

/**
 * Runs nft commands as one transaction in the calling thread's network namespace. A refused command
 * is a result, not an exception. Throws OpError when the library is missing or no socket is
 * available.
 */
export function runNft(commands: string, options: NftOptions = {}): NftResult {
  return withSpareDescriptors(() => {
    // The library ends the process when it cannot open one of its sockets. So an attacker who uses up all
    // descriptors, by connections to the health port for instance, would end the daemon. Once the
    // kernel has shown that it has nf_tables, only the descriptors are in question.
    if (!hasFreeDescriptors(DESCRIPTORS)) throw tooFew();
    if (loaded === undefined) new NetlinkSocket(NETLINK_NETFILTER)[Symbol.dispose]();
    return run((loaded ??= load()), commands, options);
  });
}

/**
 * "1.0.6", as the library reports it; undefined without CAP_NET_ADMIN, since it asks the kernel
 * first.
 */
export function libnftablesVersion(): string | undefined {
  return /"version": ?"([^"]+)"/.exec(runNft("list tables", { json: true }).output)?.[1];
}

function run(nft: ReturnType<typeof load>, commands: string, options: NftOptions): NftResult {
  // A new context for each run: it keeps a cache and a socket of the namespace that it first saw.
  const context = nft.nft_ctx_new(NFT_CTX_DEFAULT);
  if (context === null) {
    throw new OpError({
      operation: "open",
      object: "libnftables context",
      detail: "nft_ctx_new failed",
      code: 0,
      remedy: "check that the kernel has nftables (CONFIG_NF_TABLES)",
    });
  }
  try {
    nft.nft_ctx_buffer_output(context);
    nft.nft_ctx_buffer_error(context);
    nft.nft_ctx_set_dry_run(context, options.dryRun ?? false);
    const json = options.json === true ? NFT_CTX_OUTPUT_JSON : 0;
    const terse = options.terse === true ? NFT_CTX_OUTPUT_TERSE : 0;
    const stateless = options.stateless === true ? NFT_CTX_OUTPUT_STATELESS : 0;
    nft.nft_ctx_output_set_flags(context, json | terse | stateless);
    const code = nft.nft_run_cmd_from_buffer(context, Buffer.from(`${commands}\0`));
    // A trial is undone in the kernel, which is a change, too.
    if (!commands.startsWith("list ")) changed();
    return {
      ok: code === 0,
      output: text(nft.nft_ctx_get_output_buffer(context)),
      error: text(nft.nft_ctx_get_error_buffer(context)),
    };
  } finally {
    const isNow = closeLater(() => nft.nft_ctx_free(context));
    if (!isNow) dropCache(nft, context);
  }
}

/**
 * Drops what a run has read, which with libnftables 0.9.8 is the whole rule set with its elements. The library does so
 * after each trial.
 */
function dropCache(nft: ReturnType<typeof load>, context: Pointer | bigint): void {
  nft.nft_ctx_set_dry_run(context, true);
  nft.nft_run_cmd_from_buffer(context, Buffer.from("\0"));
}

/** Copies a C string that the next call would free. */
function text(address: Pointer | bigint | null): string {
  return address === null ? "" : new CString(address);
}
