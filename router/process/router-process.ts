/**
 * The router process: its main thread. It starts the forwarding threads, drops privileges, and serves the router port on
 * a unix socket: the agent's commands go to every thread, the threads' events go to the agent. It decides nothing, and
 * forwarding does not depend on it: while no agent is connected the threads work on with what they have.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { messageOf } from '../../common/errors.js';
import type { RouterLaunchOptions } from '../../common/launch-contract.js';
import type { Logger } from '../../common/log.js';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import type { CipherName, RouterEvent } from '../../common/router-port.js';
import { ROUTER_PORT_VERSION } from '../../common/router-port.js';
import type { ForwarderEvent, ForwarderReport } from '../forwarder.js';
import { ForwardingThread } from './forwarding-thread.js';
import { processorFlags } from '../kernel/processor.js';
import { mergeReports } from './report.js';
import { becomeUser, canBecome, dropCapabilities, forbidNewPrivileges } from '../kernel/privileges.js';
import { MAX_COMMAND_BYTES } from '../limits.js';
import { PoolLog } from './pool-log.js';
import { checkRouterCommand } from './router-command.js';
import { negotiateOffloads } from '../kernel/tap-device.js';
import { negotiateUnderlay } from '../kernel/underlay-socket.js';

/** An agent that reads nothing for this many bytes is cut off; it will come back and ask anew. */
const MAX_QUEUED_BYTES = 16 << 20;
const REPORT_INTERVAL_MS = 1000;

export interface RouterProcessOptions extends RouterLaunchOptions {
  /** Path of the built `router-worker.js`. */
  readonly workerProgram: string;
}

export class RouterProcess {
  readonly #instance = randomBytes(8).toString('hex');
  readonly #threads: ForwardingThread[] = [];
  readonly #server: Server;
  /** The newest report of each thread. */
  readonly #reports: (ForwarderReport | undefined)[] = [];
  readonly #pools: PoolLog;
  #agent: Socket | null = null;
  #greeted = false;
  #lastCounters = '';
  #reportTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: RouterProcessOptions,
    private readonly log: Logger,
    private readonly onFatal: (reason: string) => void,
  ) {
    this.#pools = new PoolLog(log);
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async start(): Promise<void> {
    const { options, log } = this;
    forbidNewPrivileges();
    const otherUser = process.getuid?.() === 0 && canBecome(options.user);
    // They are the device's, whichever of its queues is asked.
    const offloads = negotiateOffloads(options.tapFds[0]!);
    const underlay = options.udpFds.map((fd) => negotiateUnderlay(fd));
    await this.#listen();
    if (!otherUser && process.getuid?.() === 0) dropCapabilities();
    for (let lane = 0; lane < options.lanes; lane++) this.#startThread(lane, offloads.uso, underlay[lane]!);
    const engines = await Promise.all(this.#threads.map((thread) => thread.ready));
    if (otherUser) becomeUser(options.user);
    this.#threads.forEach((thread) => thread.run());
    this.#reportTimer = setInterval(() => this.#askForReports(), REPORT_INTERVAL_MS);
    log.info(
      {
        instance: this.#instance,
        tap: options.tapName,
        lanes: options.lanes,
        engine: engines[0],
        ...underlay[0],
        ...offloads,
      },
      'router is forwarding',
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#reportTimer);
    this.#agent?.destroy();
    this.#server.close();
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }

  async #listen(): Promise<void> {
    // A router that was killed leaves its socket file; there is one router per path, as its parent sees to.
    rmSync(this.options.portSocket, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.options.portSocket, resolve);
    });
    chmodSync(this.options.portSocket, 0o600);
  }

  #startThread(lane: number, uso: boolean, underlay: ReturnType<typeof negotiateUnderlay>): void {
    const { options } = this;
    const queues = options.tapFds.length / options.lanes;
    const thread = new ForwardingThread(
      options.workerProgram,
      {
        tapFds: options.tapFds.slice(lane * queues, (lane + 1) * queues),
        udpFd: options.udpFds[lane]!,
        lane,
        lanes: options.lanes,
        family: underlay.family,
        udpGso: underlay.gso,
        tapUso: uso,
      },
      {
        onEvent: (event) => this.#fromThread(lane, event),
        onFailure: (reason) => this.onFatal(`forwarding thread ${lane}: ${reason}`),
      },
    );
    this.#threads.push(thread);
  }

  /** The newest connection is the agent's: an agent that restarted does not wait for its former self to be noticed. */
  #accept(socket: Socket): void {
    this.#agent?.destroy();
    this.#agent = socket;
    this.#greeted = false;
    this.#lastCounters = '';
    const decoder = new MessageDecoder(MAX_COMMAND_BYTES);
    socket.on('data', (chunk: Buffer) => this.#fromAgent(socket, decoder, chunk));
    socket.on('error', (error) => this.log.warn({ reason: error.message }, 'connection to the agent failed'));
    socket.once('close', () => {
      if (this.#agent === socket) this.#agent = null;
      this.log.info('agent disconnected; forwarding goes on');
    });
    this.#reports.fill(undefined);
    this.#askForReports();
  }

  #fromAgent(socket: Socket, decoder: MessageDecoder, chunk: Buffer): void {
    try {
      for (const message of decoder.push(chunk)) {
        const command = checkRouterCommand(message);
        const lanes = this.#lanesFor(command.type);
        for (let lane = 0; lane < lanes; lane++) this.#threads[lane]!.command(command);
      }
    } catch (thrown) {
      this.log.error({ reason: messageOf(thrown) }, 'agent sent something that is no command; connection closed');
      socket.destroy();
    }
  }

  /** State goes to all threads; what is sent once is sent by the first. */
  #lanesFor(type: string): number {
    return type === 'sendDatagram' || type === 'sendControl' || type === 'probe' ? 1 : this.#threads.length;
  }

  #askForReports(): void {
    if (this.#agent === null) return;
    for (const thread of this.#threads) thread.command({ type: 'report' });
  }

  #fromThread(lane: number, event: ForwarderEvent): void {
    if (event.type !== 'report') {
      // Sessions are confirmed and wanted per thread; the first thread's word counts, the others add nothing.
      if (this.#greeted) this.#toAgent(event);
      return;
    }
    this.#reports[lane] = event;
    const reports = this.#reports.filter((report) => report !== undefined);
    if (reports.length < this.#threads.length) return;
    const merged = mergeReports(reports);
    this.#pools.note(merged.refusals);
    if (!this.#greeted) this.#greet(merged);
    this.#sendCounters(merged);
  }

  #greet(report: ForwarderReport): void {
    this.#greeted = true;
    const ciphers = offeredCiphers(this.options.offerAes);
    this.#toAgent({
      type: 'hello',
      version: ROUTER_PORT_VERSION,
      instance: this.#instance,
      ciphers,
      tapName: this.options.tapName,
      generation: report.generation,
      paths: report.paths,
      sessions: report.sessions,
    });
  }

  /** Only what changed: an idle router stays silent, but for the ages that others reckon on. */
  #sendCounters({ drops, peers, sessions }: ForwarderReport): void {
    const fingerprint = JSON.stringify([drops, sessions, peers.map(({ rxFrames, txFrames }) => [rxFrames, txFrames])]);
    const recent = peers.some(({ lastReceivedMsAgo }) => (lastReceivedMsAgo ?? Infinity) < REPORT_INTERVAL_MS * 2);
    if (fingerprint === this.#lastCounters && !recent) return;
    this.#lastCounters = fingerprint;
    this.#toAgent({ type: 'counters', drops, peers, sessions });
  }

  #toAgent(event: RouterEvent): void {
    const agent = this.#agent;
    if (agent === null) return;
    agent.write(encodeMessage(event));
    if (agent.writableLength > MAX_QUEUED_BYTES) {
      this.log.warn('agent does not read; connection closed');
      agent.destroy();
    }
  }
}

/** AES first where the processor has it in hardware (x86 and arm64 call the flag the same), last where it has not. */
function offeredCiphers(offerAes: boolean): CipherName[] {
  if (!offerAes) return ['chacha20-poly1305'];
  const hardware = processorFlags().has('aes');
  return hardware ? ['aes-256-gcm', 'chacha20-poly1305'] : ['chacha20-poly1305', 'aes-256-gcm'];
}
