/** What a forwarding thread is made with: its descriptors and their offloads, and what its surroundings do for it. */
import type { EngineSpeeds } from './aead/selection.js';
import type { ForwarderCommand, ForwarderEvent } from './forwarder-messages.js';
import type { SocketFamily } from './kernel/socket-address-memory.js';

export interface ForwarderOptions {
  /** The TAP queues of all threads, as many for each; this thread reads those of its lane. */
  readonly tapFds: readonly number[];
  /** Shared by all threads (`inside/indirection-table.ts`). */
  readonly indirection: SharedArrayBuffer;
  readonly udpFd: number;
  /** Readable when commands wait. */
  readonly wakeFd: number;
  readonly lane: number;
  readonly lanes: number;
  readonly family: SocketFamily;
  readonly udpGso: boolean;
  readonly tapUso: boolean;
  /** Of an earlier router on this machine; those of other engines are measured. */
  readonly engineSpeeds?: EngineSpeeds;
}

export interface ForwarderDeps {
  /** True when commands may wait; clears the flag. */
  commandsWaiting(): boolean;
  nextCommand(): ForwarderCommand | undefined;
  /** False when too many events wait already. */
  emit(event: ForwarderEvent): boolean;
  /** Answers a `beat` command. */
  beat(): void;
  nowMs(): number;
}
