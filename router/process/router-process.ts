/**
 * Main thread of the router process. It starts the forwarding threads, drops privileges, and serves the router port on a unix
 * socket: commands of the agent go to every thread, events of the threads go to the agent. It makes no decision, and the
 * threads do not depend on it: without an agent they forward with the tables and keys they have.
 */
import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { Server, Socket } from 'node:net';
import { assert, messageOf } from '../../common/errors.js';
import type { RouterLaunchOptions } from '../../common/launch-contract.js';
import type { Logger } from '../../common/log.js';
import { emptyFolder, engineSpeedsFile, routerStateSocket } from '../../common/host/run-files.js';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import { RELAY_IDLE_MS } from '../../common/protocol.js';
import type {
  CipherName,
  EngineStatus,
  RouterCommand,
  RouterDescriptors,
  RouterEvent,
} from '../../common/router-port.js';
import { ROUTER_PORT_VERSION } from '../../common/router-port.js';
import type { ForwarderCommand, ForwarderEvent, ForwarderReport, IdleRelay } from '../forwarder-messages.js';
import { ForwardingThread } from './forwarding-thread.js';
import type { ThreadOptions, ThreadStart } from './forwarding-thread.js';
import { IndirectionTable, shapeOf } from '../inside/indirection-table.js';
import { duplicate } from '../kernel/descriptor.js';
import { processorFlags } from '../kernel/processor.js';
import { mergeReports } from './report.js';
import type { MergedReport } from './report.js';
import { CounterReports } from './counter-reports.js';
import { PeerTotals } from './peer-totals.js';
import { confine } from '../kernel/confinement.js';
import { canBecome, dropBoundingSet, forbidNewPrivileges } from '../kernel/privileges.js';
import { MAX_COMMAND_BYTES } from '../limits.js';
import { eraseKeys } from '../tables/session-state.js';
import { keepSpeeds, recallSpeeds } from './engine-memory.js';
import type { ThreadReady } from './router-worker.js';
import { KeptTables } from './kept-tables.js';
import { OpenRelays } from './open-relays.js';
import { PoolLog } from './pool-log.js';
import { ROUTER_STATE_VERSION } from './router-state.js';
import type { RouterState } from './router-state.js';
import { FormerRouter, listenAnew, StateGiver } from './state-handover.js';
import { ThreadBeats } from './thread-beats.js';
import { checkRouterCommand } from './router-command.js';
import { negotiateOffloads, tapIndexOf } from '../kernel/tap-device.js';
import type { TapOffloads } from '../kernel/tap-device.js';
import { negotiateUnderlay } from '../kernel/underlay-socket.js';
import type { UnderlayOffloads } from '../kernel/underlay-socket.js';

/** The connection of an agent that leaves this many bytes unread is closed; it connects again. */
const MAX_QUEUED_BYTES = 16 << 20;
const REPORT_INTERVAL_MS = 1000;

/** Commands that change what the threads do. */
type AppliedCommand = Exclude<RouterCommand, { type: 'reportChanges' }>;

export interface RouterProcessOptions extends RouterLaunchOptions {
  /** Of `router-worker.ts`, one for each lane. */
  readonly workers: readonly Worker[];
}

export class RouterProcess {
  #instance = randomBytes(8).toString('hex');
  readonly #threads: ForwardingThread[] = [];
  readonly #server: Server;
  readonly #stateGiver: StateGiver;
  /** The newest report of each thread. */
  readonly #reports: (ForwarderReport | undefined)[] = [];
  readonly #pools: PoolLog;
  readonly #descriptors: RouterDescriptors;
  readonly #beats = new ThreadBeats(this.#threads);
  /** Read at the start, when there are files. */
  readonly #ciphers: readonly CipherName[];
  readonly #place: { readonly runDir: string };
  readonly #becomesUser: boolean;
  readonly #offloads: TapOffloads;
  readonly #underlay: readonly UnderlayOffloads[];
  #loaded: Promise<ThreadReady[]> | null = null;
  #isLoaded = false;
  #forwards = false;
  #hasSpeeds = false;
  #unconfined: readonly string[] = [];
  #engine: EngineStatus | undefined;
  readonly #tables = new KeptTables();
  readonly #relays = new OpenRelays();
  /** The agent that is connected has opened a channel or a pair: it knows the events about them. */
  #knowsRelays = false;
  #agent: Socket | null = null;
  #greeted = false;
  /** Threads that were asked for a report and have not answered in full. */
  readonly #asked = new Set<number>();
  readonly #totals = new PeerTotals();
  readonly #counters = new CounterReports(this.#totals);
  #reportTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: RouterProcessOptions,
    private readonly log: Logger,
    private readonly onFatal: (reason: string) => void,
    /** The next router forwards in place of this one. */
    onRetired: () => void,
  ) {
    this.#pools = new PoolLog(log);
    this.#place = { runDir: dirname(options.portSocket) };
    this.#descriptors = describeDescriptors(options);
    this.#ciphers = offeredCiphers(options.offerAes);
    this.#becomesUser = process.getuid?.() === 0 && canBecome(options.user);
    // Offloads belong to the device: any queue will do.
    this.#offloads = negotiateOffloads(options.tapFds[0]!);
    this.#underlay = options.udpFds.map((fd) => negotiateUnderlay(fd));
    this.#server = createServer((socket) => this.#accept(socket));
    this.#stateGiver = new StateGiver(() => this.#retire(), onRetired);
  }

  /** Whether the router was told to forward. */
  get forwards(): boolean {
    return this.#forwards;
  }

  /** Starts the threads, which load and wait. They read nothing: another router may forward with the same descriptors. */
  load(): void {
    forbidNewPrivileges();
    dropBoundingSet();
    this.#startThreads();
    this.#loaded = Promise.all(this.#threads.map((thread) => thread.ready));
    this.#loaded.then(
      () => (this.#isLoaded = true),
      () => undefined, // `forward` throws it, and the thread reports it.
    );
  }

  /**
   * Listens for the agent, waits until the threads are loaded, confines the process, and forwards, with the sessions of the router
   * before if that one still runs.
   */
  async forward(): Promise<void> {
    const { options, log } = this;
    this.#forwards = true;
    const statePath = routerStateSocket(this.#place);
    const former = await FormerRouter.find(statePath, log);
    await listenAnew(this.#server, options.portSocket);
    await this.#stateGiver.listen(statePath);
    assert(this.#loaded !== null, 'the router was loaded');
    const [first] = await this.#loaded;
    const { engine, engineSpeeds } = first!;
    this.#engine = engine;
    if (!this.#hasSpeeds) keepSpeeds(engineSpeedsFile(this.#place), engineSpeeds, log);
    const user = this.#becomesUser ? options.user : null;
    this.#unconfined = confine({ emptyFolder: emptyFolder(this.#place), user });
    if (this.#unconfined.length > 0) log.warn({ missing: this.#unconfined }, 'router is not fully confined');
    this.#resume((await former?.takeState(options.lanes)) ?? null);
    this.#threads.forEach((thread) => thread.run());
    // The hello of an agent that has connected meanwhile needs them.
    this.#askForReports();
    this.#reportTimer = setInterval(() => this.#askForReports(), REPORT_INTERVAL_MS);
    log.info(
      {
        instance: this.#instance,
        tap: options.tapName,
        lanes: options.lanes,
        engine: engine.name,
        sealNsPerKiB: Math.round(engine.sealNsPerKiB),
        ...this.#underlay[0],
        ...this.#offloads,
      },
      'router is forwarding',
    );
  }

  /** Whether all forwarding threads work, or are loaded and wait. To be asked at intervals, see {@link ThreadBeats}. */
  takeBeats(): boolean {
    return this.#forwards ? this.#beats.take() : this.#isLoaded;
  }

  async stop(): Promise<void> {
    // Threads that wait read no commands; they end with the process.
    if (!this.#forwards) return;
    clearInterval(this.#reportTimer);
    this.#agent?.destroy();
    this.#server.close();
    this.#stateGiver.close();
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }

  #resume(state: RouterState | null): void {
    if (state === null) return;
    this.#instance = state.instance;
    if (state.tables !== null) this.#command({ type: 'tables', tables: state.tables });
    for (const path of state.paths) this.#command({ type: 'path', path });
    for (const channel of state.relaying?.channels ?? []) this.#command({ type: 'openChannel', ...channel });
    for (const pair of state.relaying?.pairs ?? []) this.#command({ type: 'openRelay', ...pair });
    state.lanes.forEach((sessions, lane) => this.#threads[lane]!.command({ type: 'resumeSessions', sessions }));
    this.log.info({ sessions: state.lanes[0]!.length }, 'sessions of the router before are taken over');
    state.lanes.flat().forEach(eraseKeys);
  }

  /** Ends the threads, and says what the next router needs to go on. */
  async #retire(): Promise<RouterState> {
    this.log.info('the next router takes over');
    clearInterval(this.#reportTimer);
    const states = await Promise.all(this.#threads.map((thread) => thread.retire()));
    return {
      version: ROUTER_STATE_VERSION,
      instance: this.#instance,
      tables: this.#tables.whole,
      paths: states[0]!.paths,
      lanes: states.map(({ sessions }) => sessions),
      relaying: this.#relays.relaying,
    };
  }

  #startThreads(): void {
    const { tapFds, udpFds, lanes, warmUp, standsBy } = this.options;
    // The first router of a service measures: the library or the processor may be another one.
    const engineSpeeds = warmUp && !standsBy ? {} : recallSpeeds(engineSpeedsFile(this.#place));
    this.#hasSpeeds = Object.keys(engineSpeeds).length > 0;
    const indirection = IndirectionTable.createMemory(shapeOf({ tapFds, lanes }));
    this.#underlay.forEach(({ family, gso }, lane) => {
      const shared = { lanes, indirection, tapUso: this.#offloads.uso, engineSpeeds };
      // A thread closes its descriptors when it has given them other numbers. Those that were passed stay open under theirs,
      // by which the next supervisor takes them from a router whose own was killed.
      const own = { tapFds: tapFds.map(duplicate), udpFd: duplicate(udpFds[lane]!) };
      this.#startThread({ ...own, lane, family, udpGso: gso, ...shared });
    });
  }

  #startThread(options: ThreadOptions): void {
    const { lane } = options;
    const dropsCapabilities = !this.#becomesUser && process.getuid?.() === 0;
    const start: ThreadStart = { warmUp: this.options.warmUp, dropsCapabilities };
    const thread = new ForwardingThread(this.options.workers[lane]!, options, start, {
      onEvent: (event) => this.#fromThread(lane, event),
      onFailure: (reason) => this.onFatal(`forwarding thread ${lane}: ${reason}`),
    });
    this.#threads.push(thread);
  }

  /** The newest connection replaces the one before: a restarted agent does not wait for the end of the old one. */
  #accept(socket: Socket): void {
    this.#agent?.destroy();
    this.#agent = socket;
    this.#greeted = false;
    this.#knowsRelays = false;
    this.#counters.agentConnected();
    const decoder = new MessageDecoder(MAX_COMMAND_BYTES);
    socket.on('data', (chunk: Buffer) => this.#fromAgent(socket, decoder, chunk));
    socket.on('error', (error) => this.log.warn({ reason: error.message }, 'connection to the agent failed'));
    socket.once('close', () => {
      if (this.#agent === socket) this.#agent = null;
      this.log.info('agent disconnected; forwarding continues with the last tables and keys');
    });
    this.#reports.fill(undefined);
    this.#askForReports();
  }

  #fromAgent(socket: Socket, decoder: MessageDecoder, chunk: Buffer): void {
    try {
      for (const message of decoder.push(chunk)) {
        const command = checkRouterCommand(message);
        this.#knowsRelays ||= command.type === 'openChannel' || command.type === 'openRelay';
        if (command.type === 'reportChanges') this.#reportChanges();
        else this.#command(command);
      }
    } catch (thrown) {
      this.log.error(
        { reason: messageOf(thrown) },
        'agent sent a malformed command; connection closed, the agent connects again',
      );
      socket.destroy();
    }
  }

  #reportChanges(): void {
    this.#counters.reportChanges();
    this.#askForReports();
  }

  #command(command: AppliedCommand): void {
    if (command.type === 'removePeer') this.#tables.removePeer(command.peer);
    if (command.type === 'removePeer') for (const close of this.#relays.without(command.peer)) this.#command(close);
    this.#relays.note(command);
    const lanes = this.#lanesFor(command.type);
    const parts = this.#partsOf(command);
    for (let lane = 0; lane < lanes; lane++) for (const part of parts) this.#threads[lane]!.command(part);
  }

  /** What the threads are told. */
  #partsOf(command: AppliedCommand): readonly ForwarderCommand[] {
    if (command.type === 'tables') return this.#tables.take(command.tables);
    return command.type === 'tablesChange' ? this.#tables.change(command.change) : [command];
  }

  /** State goes to all threads; what is sent once goes to the first. */
  #lanesFor(type: string): number {
    return type === 'sendDatagram' || type === 'sendControl' || type === 'probe' ? 1 : this.#threads.length;
  }

  #askForReports(): void {
    if (this.#agent === null) return;
    const withPaths = !this.#greeted;
    this.#threads.forEach((thread, lane) => {
      this.#asked.add(lane);
      thread.command({ type: 'report', withPaths });
    });
  }

  #fromThread(lane: number, event: ForwarderEvent): void {
    if (event.type === 'lossReport') return this.#threads[event.report.lane]?.command(event);
    if (event.type === 'calledAt' || event.type === 'heard') {
      return this.#threads.forEach((thread, other) => (other === lane ? undefined : thread.command(event)));
    }
    if (event.type !== 'report') {
      // Every thread confirms and wants sessions; the agent takes the first event, repeats change nothing.
      if (this.#greeted && (event.type !== 'heardDirectly' || this.#knowsRelays)) this.#toAgent(event);
      return;
    }
    this.#reported(lane, event);
  }

  #reported(lane: number, report: ForwarderReport): void {
    this.#totals.take(lane, report, performance.now());
    // One that was asked for before this agent came has no paths for the hello.
    if (this.#greeted || report.paths !== null) this.#reports[lane] = report;
    if (report.hasMore) return this.#threads[lane]!.command({ type: 'report', withPaths: false });
    this.#asked.delete(lane);
    const reports = this.#reports.filter((known) => known !== undefined);
    if (reports.length < this.#threads.length || this.#asked.size > 0) return;
    const merged = mergeReports(reports);
    this.#pools.note(merged.refusals);
    if (this.#greeted) this.#sendCounters(merged);
    else this.#greet(merged);
    if (this.#knowsRelays) this.#tellOfIdle(merged.relays);
  }

  #tellOfIdle(relays: readonly IdleRelay[]): void {
    for (const { channel, idleForMs } of relays) {
      if (idleForMs >= RELAY_IDLE_MS) this.#toAgent({ type: 'relayIdle', channel });
    }
  }

  #greet(report: MergedReport): void {
    this.#greeted = true;
    this.#toAgent({
      type: 'hello',
      version: ROUTER_PORT_VERSION,
      instance: this.#instance,
      ciphers: this.#ciphers,
      tapName: this.options.tapName,
      descriptors: this.#descriptors,
      unconfined: this.#unconfined,
      ...(this.#engine === undefined ? {} : { engine: this.#engine }),
      generation: report.generation,
      paths: report.paths ?? [],
      sessions: report.sessions,
      relaying: this.#relays.relaying,
      takesTablesChanges: true,
      earlyFrames: true,
      reportsChanges: true,
    });
  }

  #sendCounters(report: MergedReport): void {
    for (const event of this.#counters.next(report, performance.now())) this.#toAgent(event);
  }

  #toAgent(event: RouterEvent): void {
    const agent = this.#agent;
    if (agent === null) return;
    agent.write(encodeMessage(event));
    if (agent.writableLength > MAX_QUEUED_BYTES) {
      this.log.warn(
        { unreadBytes: agent.writableLength, limitBytes: MAX_QUEUED_BYTES },
        'agent leaves too many events unread; connection closed, the agent connects again',
      );
      agent.destroy();
    }
  }
}

function describeDescriptors({ tapFds, udpFds }: RouterLaunchOptions): RouterDescriptors {
  return {
    tapIndex: tapIndexOf(tapFds[0]!),
    tapQueues: tapFds.length,
    udpInodes: udpFds.map((fd) => fstatSync(fd).ino),
  };
}

/** AES first where the processor has it in hardware (the flag is `aes` on x86 and arm64), last where it has not. */
function offeredCiphers(offerAes: boolean): CipherName[] {
  if (!offerAes) return ['chacha20-poly1305'];
  const hardware = processorFlags().has('aes');
  return hardware ? ['aes-256-gcm', 'chacha20-poly1305'] : ['chacha20-poly1305', 'aes-256-gcm'];
}
