/**
 * Descriptors that need privileges to open: the TAP's queues and the underlay's UDP sockets. They are opened once and kept
 * across restarts of the router, so a new router takes over the same interface and the same socket buffers. A deleted TAP is
 * opened again.
 */
import { closeSync, readFileSync } from 'node:fs';

export interface TapOptions {
  readonly name: string;
  /** Number of queues: `TAP_QUEUES_PER_LANE` of the router times its lanes. */
  readonly queues: number;
}

export interface UnderlayOptions {
  /** Empty: all addresses of both families. */
  readonly address: string;
  readonly port: number;
  /** One socket per lane. */
  readonly count: number;
}

/** Functions of `router/` that open descriptors. */
export interface DescriptorSource {
  openTap(options: TapOptions): { readonly fds: readonly number[]; readonly name: string };
  openUnderlaySockets(options: UnderlayOptions): { readonly fds: readonly number[] };
}

export interface Descriptors {
  readonly tapFds: readonly number[];
  readonly udpFds: readonly number[];
  readonly tapName: string;
}

export interface DescriptorKeeperOptions {
  readonly source: DescriptorSource;
  readonly tap: TapOptions;
  readonly underlay: UnderlayOptions;
  readonly interfaceExists?: (name: string) => boolean;
  readonly close?: (fd: number) => void;
}

export class DescriptorKeeper {
  #tap: { readonly fds: readonly number[]; readonly name: string } | null = null;
  #udpFds: readonly number[] | null = null;
  readonly #exists: (name: string) => boolean;
  readonly #close: (fd: number) => void;

  constructor(readonly options: DescriptorKeeperOptions) {
    this.#exists = options.interfaceExists ?? interfaceExists;
    this.#close = options.close ?? closeSync;
  }

  /** True when the TAP was opened and has been deleted since. */
  tapIsGone(): boolean {
    return this.#tap !== null && !this.#exists(this.#tap.name);
  }

  /** Opens missing descriptors. Throws the errors of {@link DescriptorSource}; descriptors opened before stay open. */
  ensure(): Descriptors {
    if (this.tapIsGone()) this.#closeTap();
    this.#tap ??= this.options.source.openTap(this.options.tap);
    this.#udpFds ??= this.options.source.openUnderlaySockets(this.options.underlay).fds;
    return { tapFds: this.#tap.fds, udpFds: this.#udpFds, tapName: this.#tap.name };
  }

  close(): void {
    this.#closeTap();
    this.#udpFds?.forEach(this.#close);
    this.#udpFds = null;
  }

  #closeTap(): void {
    this.#tap?.fds.forEach((fd) => this.#close(fd));
    this.#tap = null;
  }
}

/** Reads `/proc/net`, which shows the process's own network namespace; a mounted `/sys` may show another. */
function interfaceExists(name: string): boolean {
  return readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .some((line) => line.trimStart().startsWith(`${name}:`));
}
