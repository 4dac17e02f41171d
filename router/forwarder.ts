/**
 * Forwarding thread: composition of its parts, and its loop.
 *
 *          +--> commands
 *   poll --+--> outside: receive, open, deliver      one batch of each side that is ready, then
 *          +--> inside: read, pack, seal, send       poll again, which blocks only when neither is
 *
 * The thread never returns to its event loop: it reads commands from a message port itself, is woken by an event descriptor,
 * and checks a shared flag once a round.
 */
import type { NodeId } from '../common/node-id.js';
import type { EngineStatus, SessionKeys } from '../common/router-port.js';
import type { AeadEngine } from './aead/aead.js';
import { engineStatus, measureAeadEngines } from './aead/selection.js';
import type { EngineSpeeds } from './aead/selection.js';
import type { ForwarderDeps, ForwarderOptions } from './forwarder-options.js';
import { Arena } from './kernel/arena.js';
import type { ForwarderCommand, ForwarderEvent, SendDatagram, TablesSlice } from './forwarder-messages.js';
import { createCarried } from './carried.js';
import type { Carried } from './carried.js';
import { Counters } from './tables/counters.js';
import { sessionSlot, TYPE_CONTROL } from '../common/wire/datagram-header.js';
import { DROP } from './tables/drop-reasons.js';
import { sysIoctl, sysRead } from './kernel/ffi.js';
import { changedTables, compileTables, TablesBuilder } from './tables/forwarding-tables.js';
import type { LoopTables } from './tables/forwarding-tables.js';
import { Reassembly } from './outside/reassembly.js';
import { BALANCE_INTERVAL_MS, IndirectionTable, ownQueues, shapeOf } from './inside/indirection-table.js';
import { InsideReader } from './inside/inside-reader.js';
import { InsideWriter } from './inside/inside-writer.js';
import { RefusedFrames } from './inside/refused-frames.js';
import { KeptFrames } from './inside/kept-frames.js';
import { waitingFrames } from './inside/waiting-frames.js';
import { EARLY_BYTES, EXPIRE_INTERVAL_MS, RECEIVE_MESSAGES } from './limits.js';
import { MAX_CONTROL_BYTES } from '../common/protocol.js';
import { ByteQueueLimit, HELD_MS } from './outside/byte-queue-limit.js';
import { LossReports } from './outside/loss-reports.js';
import { SIOCOUTQ } from './kernel/linux-abi.js';
import { OutsideReceiver } from './outside/outside-receiver.js';
import type { PollPolicy } from './poll-policy.js';
import { PollSet } from './poll-set.js';
import { NO_PEER, NO_SESSION, Peers } from './tables/peers.js';
import { PeerNotices } from './peer-notices.js';
import { localAddressOf } from './kernel/packet-info.js';
import { Probes } from './outside/probes.js';
import type { ProbeAnswer } from './outside/probes.js';
import { Sessions } from './tables/sessions.js';
import type { SessionState } from './tables/session-state.js';
import { ringBytesOf } from './tables/waiting-records.js';
import type { WaitingRecords } from './tables/waiting-records.js';
import { TapQueues } from './inside/tap-queues.js';
import { ThreadScheduling } from './kernel/thread-scheduling.js';
import { threadPollPolicy } from './thread-poll-policy.js';
import { UnheardPeers, OWN_PROBE_ID } from './unheard-peers.js';
import { UnitSender } from './outside/unit-sender.js';
import { EarlyDatagrams } from './outside/early-datagrams.js';
import { RawSender } from './outside/raw-sender.js';
import { Relaying } from './outside/relaying.js';
import { ForwarderReports } from './forwarder-report.js';
import type { WholeReport } from './forwarder-report.js';
import { receivedEvents } from './received-events.js';

const ARENA_BYTES = 64 << 20;
/** Longest sleep of an idle thread: its timers are checked after each. */
const IDLE_POLL_MS = 5000;
/** Bytes of an event descriptor's count; reading resets it. */
const WAKE_COUNT_BYTES = 8;

export class Forwarder {
  readonly engine: EngineStatus;
  readonly engineSpeeds: EngineSpeeds;
  readonly #aead: AeadEngine;
  readonly #arena = new Arena(ARENA_BYTES);
  readonly #counters: Counters;
  readonly #peers: Peers;
  readonly #sessions: Sessions;
  readonly #reassembly: Reassembly;
  readonly #sender: UnitSender;
  readonly #rawSender: RawSender;
  readonly #relaying: Relaying;
  readonly #queues: TapQueues;
  readonly #refused: RefusedFrames;
  readonly #indirection: IndirectionTable;
  readonly #waiting: WaitingRecords;
  readonly #kept: KeptFrames;
  readonly #early: EarlyDatagrams;
  readonly #reader: InsideReader;
  readonly #writer: InsideWriter;
  readonly #receiver: OutsideReceiver;
  readonly #probes: Probes;
  readonly #lossReports: LossReports;
  readonly #reports: ForwarderReports;
  readonly #pollSet: PollSet;
  readonly #queuedAt: number;
  readonly #byteQueueLimit: ByteQueueLimit;
  readonly #wakeCountAt: number;
  readonly #notices: PeerNotices;
  readonly #unheard: UnheardPeers;
  #expiredMs = -Infinity;
  #balancedMs = -Infinity;
  /** Tables whose slices have not all come. */
  #builder: TablesBuilder | null = null;
  #commandsAreLeft = false;
  readonly #scheduling: ThreadScheduling;
  readonly #pollPolicy: PollPolicy;
  readonly #carried = createCarried();
  #end: 'stop' | 'retire' | null = null;

  constructor(
    private readonly options: ForwarderOptions,
    private readonly deps: ForwarderDeps,
  ) {
    const arena = this.#arena;
    this.#counters = new Counters();
    const engines = measureAeadEngines(arena, options.engineSpeeds);
    const [fastest] = engines;
    this.#aead = fastest.engine;
    this.engine = engineStatus(fastest);
    this.engineSpeeds = Object.fromEntries(engines.map(({ engine, sealNsPerKiB }) => [engine.name, sealNsPerKiB]));
    this.#peers = new Peers(arena, options.family);
    this.#sessions = new Sessions(this.#aead, this.#peers, options.lane);
    this.#reassembly = new Reassembly(arena, this.#counters);
    const { udpFd, udpGso: gso, lane, lanes } = options;
    const [peers, counters] = [this.#peers, this.#counters];
    this.#sender = new UnitSender(arena, udpFd, peers, this.#sessions, counters, gso);
    this.#rawSender = new RawSender(arena, udpFd, options.family, counters);
    this.#relaying = new Relaying({ arena, fd: udpFd, peers, counters, lane, lanes, gso, rawSender: this.#rawSender });
    this.#indirection = new IndirectionTable(options.indirection, shapeOf(options), options.lane);
    this.#queues = new TapQueues(arena, options.tapFds, ownQueues(options), this.#indirection);
    this.#refused = new RefusedFrames(arena, this.#queues, this.#sender, this.#counters, () => deps.nowMs());
    this.#waiting = waitingFrames(arena, options.lanes);
    this.#kept = new KeptFrames(arena, peers, counters, lanes);
    this.#notices = new PeerNotices(peers, (event) => this.#emit(event));
    this.#early = new EarlyDatagrams(arena, counters, ringBytesOf(EARLY_BYTES, lanes));
    this.#reader = this.#createReader();
    this.#writer = new InsideWriter(arena, this.#queues, this.#counters, this.#refused, options.tapUso);
    this.#probes = new Probes(
      arena,
      peers,
      this.#sender,
      this.#relaying.channels,
      counters,
      () => deps.nowMs() * 1000,
      (answer) => this.#answered(answer),
    );
    const [kept, reader, probes, notices] = [this.#kept, this.#reader, this.#probes, this.#notices];
    this.#unheard = new UnheardPeers({ kept, reader, probes, notices });
    this.#lossReports = new LossReports(
      arena,
      this.#peers,
      this.#sessions,
      this.#sender,
      this.#counters,
      (peer, report) => this.#emit({ type: 'lossReport', peer: this.#peers.idOf(peer)!, report }),
    );
    this.#receiver = this.#createReceiver();
    this.#reports = this.#createReports();
    const { first, count } = ownQueues(options);
    this.#pollSet = new PollSet(arena, { ...options, queueFds: options.tapFds.slice(first, first + count) });
    this.#wakeCountAt = arena.allocate(WAKE_COUNT_BYTES);
    this.#queuedAt = arena.allocate(4);
    this.#byteQueueLimit = new ByteQueueLimit(() => this.#queuedBytes());
    this.#scheduling = new ThreadScheduling(arena);
    this.#pollPolicy = threadPollPolicy(this.#pollSet, this.#scheduling, () => deps.nowMs());
  }

  /** The peer table: tests and measurements set the number of fragments by it. */
  get peers(): Peers {
    return this.#peers;
  }

  /** Resets all counters: the warm-up is no traffic. */
  clearCounters(): void {
    this.#counters.clear();
    this.#reports.clear();
  }

  /** Executes one command, before the loop runs. */
  execute(command: ForwarderCommand): void {
    this.#execute(command);
  }

  get sessions(): Sessions {
    return this.#sessions;
  }

  /** Forwards until one of these commands comes, which it returns. */
  run(): 'stop' | 'retire' {
    this.#scheduling.usePreciseTimers();
    while (this.#end === null) this.#waitAndServe();
    return this.#end;
  }

  /** Not in {@link run}, whose loop V8 would compile anew with all that it calls. */
  #waitAndServe(): void {
    const nowMs = this.deps.nowMs();
    if (this.#byteQueueLimit.isReached(this.#reader.bytesRead, nowMs)) this.#roundWithoutInside();
    else this.#round(this.#pollPolicy.await(nowMs, this.#totals()) ? 0 : this.#sleepMs(nowMs));
  }

  /** One round without waiting. False when no descriptor was ready. */
  turn(): boolean {
    return this.#round(0);
  }

  /** Waits until a descriptor is ready, and serves the ready sides only, so that a lone packet costs one read. */
  #round(timeoutMs: number): boolean {
    if (!this.#pollSet.wait(timeoutMs)) return this.#serve(false, 0);
    this.#takeCommandsIfWoken();
    return this.#serve(this.#pollSet.underlayIsReady, this.#pollSet.readyQueues());
  }

  #roundWithoutInside(): boolean {
    if (!this.#pollSet.waitWithoutQueues(HELD_MS)) return this.#serve(false, 0);
    this.#takeCommandsIfWoken();
    return this.#serve(this.#pollSet.underlayIsReady, 0);
  }

  #takeCommandsIfWoken(): void {
    if (!this.#pollSet.isWoken) return;
    sysRead(this.options.wakeFd, this.#arena.base + this.#wakeCountAt, WAKE_COUNT_BYTES);
    this.#takeCommands();
  }

  /** Until the next timer of an idle thread is due. */
  #sleepMs(nowMs: number): number {
    if (this.#commandsAreLeft) return 0;
    return Math.max(0, Math.min(IDLE_POLL_MS, Math.ceil(this.#reader.overdueMs - nowMs)));
  }

  /** Bytes sent that are still in the kernel, with its own overhead (udp(7), SIOCOUTQ). */
  #queuedBytes(): number {
    const asked = sysIoctl(this.options.udpFd, SIOCOUTQ, this.#arena.base + this.#queuedAt);
    return asked < 0 ? 0 : this.#arena.u32[this.#queuedAt >>> 2]!;
  }

  #totals(): Carried {
    const carried = this.#carried;
    carried.bytes = this.#reader.bytesRead + this.#receiver.bytesReceived;
    carried.framesFromInside = this.#reader.framesRead;
    carried.framesFromOutside = this.#writer.framesTaken;
    return carried;
  }

  /** @param inside which queues of the TAP have frames, a bit each */
  #serve(outside: boolean, inside: number): boolean {
    const nowMs = this.deps.nowMs();
    const fromOutside = outside ? this.#receiver.drain(nowMs) : 0;
    this.#queues.setReady(inside);
    const fromInside = inside !== 0 ? this.#reader.drain(this.#byteQueueLimit.budgetBytes, nowMs) : 0;
    this.#carried.moreWaits = fromOutside === RECEIVE_MESSAGES || (inside !== 0 && this.#reader.moreWaits);
    if (this.#commandsAreLeft || this.deps.commandsWaiting()) this.#takeCommands();
    const { tooBigFor } = this.#sender;
    if (tooBigFor.size > 0) this.#notices.tellOf(tooBigFor, 'tooBig', nowMs);
    const { wantedPeers } = this.#reader;
    if (wantedPeers.size > 0) this.#notices.tellOf(wantedPeers, 'sessionWanted', nowMs);
    if (this.#kept.isActive) this.#unheard.tend(nowMs);
    if (nowMs >= this.#reader.overdueMs) this.#reader.refuseOverdue(nowMs);
    if (nowMs - this.#balancedMs >= BALANCE_INTERVAL_MS) this.#balance(nowMs);
    if (nowMs - this.#expiredMs >= EXPIRE_INTERVAL_MS) this.#expire(nowMs);
    return fromOutside > 0 || fromInside > 0;
  }

  #createReader(): InsideReader {
    const [arena, queues, peers, sender] = [this.#arena, this.#queues, this.#peers, this.#sender];
    return new InsideReader(arena, queues, peers, sender, this.#counters, this.#refused, this.#waiting, this.#kept);
  }

  #createReceiver(): OutsideReceiver {
    const { channels, relay } = this.#relaying;
    const shared = { arena: this.#arena, peers: this.#peers, sessions: this.#sessions, channels };
    return new OutsideReceiver({
      ...{ ...shared, relay, lossReports: this.#lossReports, counters: this.#counters, writer: this.#writer },
      ...{ fd: this.options.udpFd, lanes: this.options.lanes, reassembly: this.#reassembly, early: this.#early },
      events: receivedEvents({
        ...{ ...shared, probes: this.#probes, notices: this.#notices, lossReports: this.#lossReports },
        nowMs: () => this.deps.nowMs(),
        emit: (event) => this.#emit(event),
        setLocal: (peer, local) => this.#setLocal(peer, local),
      }),
    });
  }

  /** False when the event is lost. */
  #emit(event: ForwarderEvent): boolean {
    const isTaken = this.deps.emit(event);
    if (!isTaken) this.#counters.drops[DROP.controlCongested]!++;
    return isTaken;
  }

  #answered(answer: ProbeAnswer): void {
    const peer = this.#peers.idOf(answer.peer)!;
    const isOwn = answer.probeId === OWN_PROBE_ID;
    if (isOwn) this.#heardBehind(answer.peer);
    if (!isOwn) this.#emit({ type: 'probeAnswer', ...answer, peer });
    else if (this.options.lanes > 1) this.#emit({ type: 'heard', peer });
  }

  /** The peer has answered a probe that followed frames which are kept. */
  #heardBehind(peer: number): void {
    this.#kept.prove(peer, this.deps.nowMs());
    this.#kept.forget(peer);
  }

  #balance(nowMs: number): void {
    this.#balancedMs = nowMs;
    this.#indirection.balance();
  }

  #install(session: SessionKeys): void {
    const slot = sessionSlot(session.localIndex);
    const nowMs = this.deps.nowMs();
    this.#reassembly.forget(slot);
    if (this.#sessions.install(session, nowMs)) this.#receiver.takeEarly(slot, nowMs);
  }

  #activate(localIndex: number): void {
    const peer = this.#sessions.activate(localIndex);
    this.#kept.prove(peer, this.deps.nowMs());
    this.#reader.sendWaiting(peer);
  }

  #resume(state: SessionState): void {
    this.#sessions.resume(state, this.deps.nowMs());
    this.#kept.prove(this.#peers.find(state.peer), this.deps.nowMs());
  }

  #expire(nowMs: number): void {
    this.#expiredMs = nowMs;
    this.#sessions.expire(nowMs);
    this.#early.expire(nowMs);
  }

  /** All that wait, or up to the next slice of tables: frames go before the rest. */
  #takeCommands(): void {
    this.#commandsAreLeft = false;
    for (let command = this.deps.nextCommand(); command !== undefined; command = this.deps.nextCommand()) {
      this.#execute(command);
      if (command.type !== 'tablesSlice' && command.type !== 'tablesChangeSlice') continue;
      this.#commandsAreLeft = true;
      return;
    }
  }

  #execute(command: ForwarderCommand): void {
    switch (command.type) {
      case 'tables':
        return this.#useTables(compileTables(command.tables, this.#peers));
      case 'tablesSlice':
        return this.#takeSlice(command);
      case 'tablesChangeSlice':
        return this.#useTables(changedTables(this.#reader.tables, command, this.#peers));
      case 'path': {
        const { endpoint, mtuBytes, upForMs = null, relay = null, local = null } = command.path;
        const peer = this.#peers.indexOf(command.path.peer);
        if (peer === NO_PEER) return;
        this.#peers.setPath(peer, endpoint, mtuBytes, relay);
        const called = local === null ? null : localAddressOf(local, this.#peers.family);
        if (called !== null) this.#peers.setLocal(peer, called);
        return this.#peers.noteUp(peer, upForMs, this.deps.nowMs());
      }
      case 'calledAt': {
        const peer = this.#peers.find(command.peer);
        // What this thread has heard itself, or got with the path, goes before.
        if (peer !== NO_PEER && this.#peers.localAt(peer) === 0) this.#peers.setLocal(peer, command.local);
        return;
      }
      case 'heard':
        return this.#heardBehind(this.#peers.find(command.peer));
      case 'installSession':
        return this.#install(command.session);
      case 'activateSession':
        return this.#activate(command.localIndex);
      case 'deactivateSession':
        return this.#sessions.deactivate(command.localIndex);
      case 'expectSession':
        return this.#early.announce(command.localIndex, this.deps.nowMs());
      case 'removeSession':
        this.#early.forget(command.localIndex);
        return this.#sessions.remove(command.localIndex);
      case 'removePeer':
        return this.#removePeer(command.peer);
      case 'sendDatagram':
        return this.#sendDatagram(command);
      case 'sendControl':
        return this.#sendControl(command.peer, command.bytes);
      case 'probe':
        return this.#probes.send(this.#peers.find(command.peer), command);
      case 'openChannel':
      case 'closeChannel':
      case 'openRelay':
      case 'closeRelay':
        return this.#relaying.execute(command, this.deps.nowMs());
      case 'lossReport':
        return this.#lossReports.learn(this.#peers.find(command.peer), command.report, this.deps.nowMs());
      case 'report':
        return this.#reports.emitChanges(command.withPaths, this.deps.nowMs());
      case 'beat':
        return this.deps.beat();
      case 'resumeSessions':
        return command.sessions.forEach((state) => this.#resume(state));
      case 'stop':
      case 'retire':
        this.#end = command.type;
    }
  }

  #setLocal(peer: number, local: Uint8Array): void {
    if (this.#peers.relayedPath(peer) !== undefined) return;
    this.#peers.setLocal(peer, local);
    if (this.options.lanes > 1) this.#emit({ type: 'calledAt', peer: this.#peers.idOf(peer)!, local });
  }

  #takeSlice({ begin, routes, isLast }: TablesSlice): void {
    if (begin !== null) this.#builder = new TablesBuilder(begin.head, begin.routeCount, this.#peers);
    this.#builder?.add(routes);
    if (!isLast || this.#builder === null) return;
    this.#useTables(this.#builder.tables);
    this.#builder = null;
  }

  #useTables(tables: LoopTables): void {
    this.#reader.useTables(tables);
    this.#writer.useTables(tables);
    this.#refused.tables = tables;
  }

  /** Its routes too: another peer may get this one's index before the agent sends new tables. */
  #removePeer(id: NodeId): void {
    this.#sessions.removePeer(id);
    const index = this.#peers.find(id);
    const { tables } = this.#reader;
    if (index !== NO_PEER) tables.routes.remove(index);
    // Reader and writer forget the peer of the last frame.
    this.#useTables(tables);
    this.#reader.forgetWaiting(index);
    this.#counters.forget(index);
    if (index !== NO_PEER) this.#reports.removed(id);
    this.#lossReports.forget(index);
    if (index !== NO_PEER) this.#relaying.channels.forget(index);
    this.#peers.forget(id);
  }

  #sendDatagram({ to, bytes, relay, local = null, peer = null }: SendDatagram): void {
    if (relay !== undefined) return this.#relaying.sendThrough(relay, bytes);
    const [peers, sender] = [this.#peers, this.#rawSender];
    if (local !== null) return sender.send(to, bytes, localAddressOf(local, peers.family));
    sender.send(to, bytes, peer === null ? null : peers.localTowards(peers.find(peer), to));
  }

  #sendControl(id: NodeId, bytes: Uint8Array): void {
    const peer = this.#peers.find(id);
    if (peer === NO_PEER || this.#peers.activeSession[peer] === NO_SESSION || bytes.length > MAX_CONTROL_BYTES) {
      this.#counters.drops[DROP.noSession]!++;
      return;
    }
    const slot = this.#sender.take(peer);
    this.#arena.u8.set(bytes, this.#sender.unitAt(slot));
    this.#sender.close(slot, bytes.length, TYPE_CONTROL);
    this.#sender.flush();
  }

  #createReports(): ForwarderReports {
    const [peers, sessions, counters, aead] = [this.#peers, this.#sessions, this.#counters, this.#aead];
    const generation = (): number => this.#reader.tables.generation;
    const emit = (event: ForwarderEvent): boolean => this.#emit(event);
    return new ForwarderReports({
      peers,
      sessions,
      counters,
      aead,
      channels: this.#relaying.channels,
      generation,
      emit,
    });
  }

  /** All peers, whatever was reported before. */
  report(): WholeReport {
    return this.#reports.whole(this.deps.nowMs());
  }
}
