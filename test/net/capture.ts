/** What passes a device, as tcpdump sees it: whole frames, in order. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { NetworkNamespace } from '../../deploy/demo/network-namespace.js';
import { waitUntil } from '../../deploy/demo/wait-until.js';

const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const START_TIMEOUT_MS = 5000;
const BUFFER_KIB = 16 << 10;
/** tcpdump hands on what it has read so far when it ends; the kernel gives it packets a little later. */
const DRAIN_MS = 300;

export class Capture {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #chunks: Buffer[] = [];
  #said = '';

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#ended = once(process, 'close');
    process.stdout!.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    process.stderr!.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
  }

  /** Resolves once it captures. `filter` as tcpdump takes it. */
  static async start(namespace: NetworkNamespace, device: string, filter: string): Promise<Capture> {
    const args = ['-i', device, '-s', '0', '--immediate-mode', '-B', String(BUFFER_KIB), '-U', '-n', '-w', '-', filter];
    const capture = new Capture(namespace.spawn('tcpdump', args, ['ignore', 'pipe', 'pipe']));
    await waitUntil(`tcpdump on ${device}`, START_TIMEOUT_MS, () =>
      Promise.resolve(capture.#said.includes('listening on')),
    );
    return capture;
  }

  /** Ends it; the frames that passed. */
  async stop(): Promise<Buffer[]> {
    await delay(DRAIN_MS);
    this.#process.kill('SIGINT');
    await this.#ended;
    return framesIn(Buffer.concat(this.#chunks));
  }
}

/** Packets of a pcap file in this machine's byte order: seconds, fraction, captured length, length; then the bytes. */
function framesIn(file: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = FILE_HEADER_BYTES; at + PACKET_HEADER_BYTES <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    frames.push(file.subarray(at + PACKET_HEADER_BYTES, at + PACKET_HEADER_BYTES + length));
    at += PACKET_HEADER_BYTES + length;
  }
  return frames;
}
