/** What passes a device, as tcpdump sees it: whole frames, in order. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from '../../common/errors.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';

const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const START_TIMEOUT_MS = 5000;
/** tcpdump's buffer is slots of the captured length each: 64 MiB hold a thousand of the largest frames. */
const BUFFER_KIB = 64 << 10;
/** The largest frame: 64 KiB of packet and its Ethernet header. */
const WHOLE_FRAME_BYTES = (64 << 10) + 18;
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

  /** Resolves once it captures. `filter` as tcpdump takes it; of each frame the first `snapBytes` are kept. */
  static async start(
    namespace: NetworkNamespace,
    device: string,
    filter: string,
    snapBytes = WHOLE_FRAME_BYTES,
  ): Promise<Capture> {
    const size = ['-s', String(snapBytes), '-B', String(BUFFER_KIB)];
    const args = ['-i', device, ...size, '--immediate-mode', '-U', '-n', '-w', '-', filter];
    const capture = new Capture(namespace.spawn('tcpdump', args, ['ignore', 'pipe', 'pipe']));
    await waitUntil(`tcpdump on ${device}`, START_TIMEOUT_MS, () =>
      Promise.resolve(capture.#said.includes('listening on')),
    );
    return capture;
  }

  /** Ends it; the frames that passed. */
  async stop(): Promise<Buffer[]> {
    return (await this.#records()).map((record) => record.frame);
  }

  /** Ends it; how long each frame was, bytes, however much of it was kept. */
  async stopForLengths(): Promise<number[]> {
    return (await this.#records()).map((record) => record.lengthBytes);
  }

  async #records(): Promise<CapturedFrame[]> {
    await delay(DRAIN_MS);
    this.#process.kill('SIGINT');
    await this.#ended;
    const dropped = /(\d+) packets? dropped by kernel/.exec(this.#said)?.[1];
    if (dropped !== '0') throw new DemoError(`a capture with gaps proves nothing: tcpdump said ${this.#said.trim()}`);
    return framesIn(Buffer.concat(this.#chunks));
  }
}

interface CapturedFrame {
  readonly frame: Buffer;
  /** What it had on the wire, bytes. */
  readonly lengthBytes: number;
}

/** Packets of a pcap file in this machine's byte order: seconds, fraction, captured length, length; then the bytes. */
function framesIn(file: Buffer): CapturedFrame[] {
  const frames: CapturedFrame[] = [];
  for (let at = FILE_HEADER_BYTES; at + PACKET_HEADER_BYTES <= file.length;) {
    const captured = file.readUInt32LE(at + 8);
    const start = at + PACKET_HEADER_BYTES;
    frames.push({ frame: file.subarray(start, start + captured), lengthBytes: file.readUInt32LE(at + 12) });
    at = start + captured;
  }
  return frames;
}
