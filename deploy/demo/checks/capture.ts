/** A running `tcpdump` in a network namespace whose packets are judged as they come; nothing is stored. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError } from '../../../common/errors.js';
import type { NetworkNamespace } from '../machine/network-namespace.js';
import { PcapReader } from './pcap-reader.js';
import type { AuditFindings, UnderlayAudit } from './underlay-audit.js';

/** Enough for all headers and several markers of a packet; super-frames would be 64 KiB. */
const SNAP_BYTES = 320;
const BUFFER_KIBIBYTES = 16_384;
const QUIET_MS = 150;
const MAX_QUIET_TRIES = 10;

export interface CaptureFindings extends AuditFindings {
  /** Packets the kernel could not hand over in time. */
  readonly missed: number;
}

export class Capture {
  #complaint = '';
  readonly #reader = new PcapReader();

  private constructor(
    readonly child: ChildProcess,
    readonly audit: UnderlayAudit,
  ) {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text));
    child.stdout!.on('data', (chunk: Buffer) => this.#reader.push(chunk).forEach((packet) => audit.record(packet)));
  }

  /** Resolves once packets are being seen. Throws {@link CommandError} when `tcpdump` is missing or refuses. */
  static async start(namespace: NetworkNamespace, device: string, audit: UnderlayAudit): Promise<Capture> {
    const sizes = ['-s', `${SNAP_BYTES}`, '-B', `${BUFFER_KIBIBYTES}`];
    // Without -Z it would give up root, for which a user namespace may have no other user to become.
    const args = ['-Z', 'root', '-n', '-i', device, ...sizes, '--immediate-mode', '-U', '-w', '-'];
    const child = namespace.spawn('tcpdump', args, ['ignore', 'pipe', 'pipe']);
    const capture = new Capture(child, audit);
    await capture.#listening();
    return capture;
  }

  /** Waits until no more packets come, then ends the capture: at its end `tcpdump` forgets what it has not read yet. */
  async stop(): Promise<CaptureFindings> {
    await this.#quiet();
    const ended = once(this.child, 'close');
    this.child.kill('SIGINT');
    if (this.child.exitCode === null) await ended;
    const missed = Number(/(\d+) packets? dropped by kernel/.exec(this.#complaint)?.[1] ?? 0);
    return { ...this.audit.findings(), missed };
  }

  /** Keepalives go on forever, hence the bound. */
  async #quiet(): Promise<void> {
    for (let tries = 0, before = -1; tries < MAX_QUIET_TRIES; tries++) {
      const { packets } = this.audit.findings();
      if (packets === before) return;
      before = packets;
      await delay(QUIET_MS);
    }
  }

  #listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.child.stderr!.on('data', () => {
        if (this.#complaint.includes('listening on')) resolve();
      });
      this.child.on('error', (error) => reject(new CommandError('tcpdump', null, error.message)));
      this.child.on('close', (code) => reject(new CommandError('tcpdump', code, this.#complaint)));
    });
  }
}
