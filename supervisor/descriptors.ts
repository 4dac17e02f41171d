/**
 * Descriptors that need privileges to open: the TAP's queues and the underlay's UDP sockets. They are opened once and kept
 * across restarts of the router, so a new router takes over the same interface and the same socket buffers. A deleted TAP is
 * opened again. A supervisor that follows another takes them from it, or from the router of one that was killed.
 */
import { closeSync } from 'node:fs';

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
  openTap(options: TapOptions): Tap;
  openUnderlaySockets(options: UnderlayOptions): { readonly fds: readonly number[] };
  /** Of the router with process id `router`. Throws when it does not have those of these options. */
  takeDescriptors(router: number, tap: TapOptions, underlay: UnderlayOptions): TakenDescriptors;
  /** Those that another supervisor has passed. Throws when they are not of these options. */
  checkDescriptors(fds: readonly number[], tap: TapOptions, underlay: UnderlayOptions): TakenDescriptors;
  /** Number of the interface with this name now, 0 when there is none. */
  interfaceIndex(name: string): number;
}

export interface Tap {
  readonly fds: readonly number[];
  readonly name: string;
  /** Interface number. */
  readonly index: number;
}

export interface TakenDescriptors {
  readonly tap: Tap;
  readonly udpFds: readonly number[];
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
  readonly close?: (fd: number) => void;
}

export class DescriptorKeeper {
  #tap: Tap | null = null;
  #udpFds: readonly number[] | null = null;
  readonly #close: (fd: number) => void;

  constructor(readonly options: DescriptorKeeperOptions) {
    this.#close = options.close ?? closeSync;
  }

  /** True when the TAP was opened and has been deleted since, also when another interface has its name now. */
  tapIsGone(): boolean {
    return this.#tap !== null && this.options.source.interfaceIndex(this.#tap.name) !== this.#tap.index;
  }

  /** Takes those of a router that runs, before any is open. Throws the errors of {@link DescriptorSource}. */
  takeFrom(router: number): void {
    const { source, tap, underlay } = this.options;
    this.#adopt(source.takeDescriptors(router, tap, underlay));
  }

  /** Takes those that another supervisor has passed, before any is open. Throws the errors of {@link DescriptorSource}. */
  adopt(fds: readonly number[]): void {
    const { source, tap, underlay } = this.options;
    this.#adopt(source.checkDescriptors(fds, tap, underlay));
  }

  #adopt({ tap, udpFds }: TakenDescriptors): void {
    this.#tap = tap;
    this.#udpFds = udpFds;
  }

  /** Opens the TAP alone, if it is not open: a further holder keeps the interface while an earlier one ends. */
  ensureTap(): Tap {
    if (this.tapIsGone()) this.#closeTap();
    return (this.#tap ??= this.options.source.openTap(this.options.tap));
  }

  /** Opens missing descriptors. Throws the errors of {@link DescriptorSource}; descriptors opened before stay open. */
  ensure(): Descriptors {
    const tap = this.ensureTap();
    this.#udpFds ??= this.options.source.openUnderlaySockets(this.options.underlay).fds;
    return { tapFds: tap.fds, udpFds: this.#udpFds, tapName: tap.name };
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
