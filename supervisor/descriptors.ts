/**
 * The descriptors that need privileges to open: the TAP's queues and the underlay's UDP sockets. They are opened once
 * and kept while the router that uses them comes and goes, so a restarted router takes over the same interface and the
 * same socket buffers. A TAP that someone deleted is opened anew.
 */
import { closeSync, readFileSync } from 'node:fs';

export interface TapOptions {
  readonly name: string;
  /** One queue per lane. */
  readonly queues: number;
}

export interface UnderlayOptions {
  /** Empty: all addresses of both families. */
  readonly address: string;
  readonly port: number;
  /** One socket per lane. */
  readonly count: number;
}

/** What the router's folder offers for opening them. */
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

  /** Opens what is not open. Throws what the {@link DescriptorSource} throws; what is open by then stays open. */
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

/** `/proc/net` follows the process's network namespace, which a mounted `/sys` need not. */
function interfaceExists(name: string): boolean {
  return readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .some((line) => line.trimStart().startsWith(`${name}:`));
}
