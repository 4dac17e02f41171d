/** Packet capture: a `tcpdump` in a network namespace that hands every packet to a callback and stores none. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError } from '../../../common/errors.js';
import type { NetworkNamespace } from './network-namespace.js';
import { PcapReader } from './pcap-reader.js';
import type { CapturedPacket } from './pcap-reader.js';

export interface CaptureOptions {
  /** Bytes kept of each packet. */
  readonly snapBytes: number;
  /** The kernel's buffer, in slots of `snapBytes` each. */
  readonly bufferKibibytes: number;
  /** In tcpdump's language; all packets when absent. */
  readonly filter?: string;
}

const QUIET_MS = 150;
const MAX_QUIET_TRIES = 10;

export class PacketCapture {
  readonly #reader = new PcapReader();
  readonly #ended: Promise<unknown>;
  #packets = 0;
  #stderr = '';

  private constructor(
    readonly child: ChildProcess,
    onPacket: (packet: CapturedPacket) => void,
  ) {
    this.#ended = once(child, 'close');
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    child.stdout!.on('data', (chunk: Buffer) => {
      const packets = this.#reader.push(chunk);
      this.#packets += packets.length;
      packets.forEach(onPacket);
    });
  }

  /** Resolves when packets are being captured. Throws {@link CommandError} when `tcpdump` is missing or fails. */
  static async start(
    namespace: NetworkNamespace,
    device: string,
    onPacket: (packet: CapturedPacket) => void,
    options: CaptureOptions,
  ): Promise<PacketCapture> {
    const sizes = ['-s', `${options.snapBytes}`, '-B', `${options.bufferKibibytes}`];
    // -Z root: without it tcpdump changes to another user, which a user namespace may not have.
    const args = ['-Z', 'root', '-n', '-i', device, ...sizes, '--immediate-mode', '-U', '-w', '-'];
    const filter = options.filter === undefined ? [] : [options.filter];
    const child = namespace.spawn('tcpdump', [...args, ...filter], ['ignore', 'pipe', 'pipe']);
    const capture = new PacketCapture(child, onPacket);
    await capture.#listening();
    return capture;
  }

  /**
   * Ends the capture when no packet came for 150 ms, after 1.5 s at the latest: `tcpdump` discards unread packets at its
   * end. Returns the number of packets that the kernel dropped. Throws {@link CommandError} when tcpdump ended by itself.
   */
  async stop(): Promise<number> {
    for (let tries = 0, before = -1; tries < MAX_QUIET_TRIES && before !== this.#packets; tries++) {
      before = this.#packets;
      await delay(QUIET_MS);
    }
    this.child.kill('SIGINT');
    await this.#ended;
    const dropped = /(\d+) packets? dropped by kernel/.exec(this.#stderr)?.[1];
    if (dropped === undefined) throw new CommandError('tcpdump', this.child.exitCode, this.#stderr);
    return Number(dropped);
  }

  #listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.child.stderr!.on('data', () => {
        if (this.#stderr.includes('listening on')) resolve();
      });
      this.child.on('error', (error) => reject(new CommandError('tcpdump', null, error.message)));
      this.child.on('close', (code) => reject(new CommandError('tcpdump', code, this.#stderr)));
    });
  }
}
