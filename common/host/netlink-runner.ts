/**
 * Port to the network configuration and the packet filter of the kernel by netlink(7), beside `command.ts`: the start of a program
 * such as `ip` takes 10 to 15 ms of processor time, a request a tenth of a millisecond. The implementation is
 * `agent/netlink/host-netlink.ts`.
 */
import type { NetlinkReply } from './netlink-message.js';

/** Numbers that stand in a message for names. */
export interface KernelNumbers {
  /** Index of an interface in the namespace of the request. */
  interfaceIndex(name: string): number;
  /** Open descriptor of the network namespace at a path. */
  namespaceDescriptor(path: string): number;
}

export interface NetlinkRequest {
  /** The command of `ip` or `bridge` that does the same, for errors. */
  readonly text: string;
  /** Its failure is ignored: older kernels lack the feature. */
  readonly optional?: boolean;
  /** Interfaces whose indexes the message holds. Requests before it in the same run may make them. */
  readonly interfaces?: readonly string[];
  /** Network namespaces whose descriptors the message holds. */
  readonly namespaces?: readonly string[];
  compose(numbers: KernelNumbers): Uint8Array;
}

/** Request to a part of netfilter (`netfilter-message.ts`). */
export interface NetfilterRequest {
  /** The command of `nft` or `conntrack` that does the same, for errors. */
  readonly text: string;
  readonly message: Uint8Array;
}

/** @param netns path; null for the namespace of this process */
export interface NetlinkRunner {
  /**
   * Makes all requests in order, also after a failed one. Rejects with NetlinkError for the first failed request that is not
   * optional, and with HeddleError NOT_FOUND where a path leads into no network namespace.
   */
  run(netns: string | null, requests: readonly NetlinkRequest[]): Promise<void>;
  /** Makes all changes of nf_tables, or rejects with NetlinkError for the first that the kernel refuses, and makes none. */
  change(netns: string | null, changes: readonly NetfilterRequest[]): Promise<void>;
  /**
   * Deletes what the kernel lists, while it lists. That something has ended by itself is no failure.
   * @param deletionOf null for what stays
   */
  deleteListed(
    netns: string | null,
    list: NetfilterRequest,
    deletionOf: (listed: NetlinkReply) => Uint8Array | null,
  ): Promise<void>;
}
