/** Sequence log of a simulated network: time, sender, receiver and message of every transmission, and its fate. */
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { describePacket } from './packet.js';
import type { Packet } from './packet.js';
import type { SimHost, Transit } from './sim-paths.js';

/** Older messages are dropped: a failure shows the last ones. */
const KEPT_MESSAGES = 300;

export interface LoggedMessage {
  readonly atMs: number;
  readonly from: SimHost;
  /** A host, or the address when no host has it. */
  readonly to: SimHost | SocketAddress;
  readonly packet: Packet;
  readonly sizeBytes: number;
  readonly transit: Transit | { readonly fate: 'noHost' };
}

export class SimLog {
  readonly #kept: number;
  /** A ring. Bounded by `#kept`. */
  readonly #messages: LoggedMessage[] = [];
  #count = 0;

  constructor(kept = KEPT_MESSAGES) {
    this.#kept = kept;
  }

  add(message: LoggedMessage): void {
    this.#messages[this.#count++ % this.#kept] = message;
  }

  /** The last messages, oldest first. */
  messages(): readonly LoggedMessage[] {
    const start = this.#count % this.#kept;
    if (this.#count <= this.#kept) return this.#messages;
    return [...this.#messages.slice(start), ...this.#messages.slice(0, start)];
  }

  /** One line per message, oldest first. */
  text(): string {
    const inOrder = this.messages();
    const left = this.#count - inOrder.length;
    const head = left > 0 ? [`  (${left} earlier messages)`] : [];
    return [...head, ...inOrder.map(lineOf)].join('\n');
  }
}

function lineOf({ atMs, from, to, packet, sizeBytes, transit }: LoggedMessage): string {
  const time = `${atMs.toFixed(1)} ms`.padStart(14);
  const [source, target] = [nameOf(from), nameOf(to)];
  return `${time}  ${source} -> ${target}  ${describePacket(packet)}, ${sizeBytes} bytes: ${fateOf(transit)}`;
}

function nameOf(host: SimHost | SocketAddress): string {
  return 'number' in host ? `node ${host.number}` : formatSocketAddress(host);
}

function fateOf(transit: LoggedMessage['transit']): string {
  switch (transit.fate) {
    case 'delivered':
      return `arrives after ${transit.delaysMs.map((delayMs) => delayMs.toFixed(1)).join(' and ')} ms`;
    case 'blocked':
      return 'blocked';
    case 'tooLarge':
      return 'larger than the path MTU';
    case 'lost':
      return 'lost';
    case 'noHost':
      return 'no host has this address';
  }
}
