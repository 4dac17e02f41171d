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
import type { ForwarderCommand, ForwarderEvent, TablesSlice } from './forwarder-messages.js';
import { createCarried } from './carried.js';
import type { Carried } from './carried.js';
import { Counters } from './tables/counters.js';
import { swap32 } from './kernel/byte-order.js';
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
import { KIND_LOSS_REPORT, probeKind } from '../common/wire/probe-unit.js';
import { Probes } from './outside/probes.js';
import { Sessions } from './tables/sessions.js';
import { ToldPeers } from './tables/told-peers.js';
import { readSocketAddress } from './kernel/socket-address-memory.js';
import type { WaitingRecords } from './tables/waiting-records.js';
import { TapQueues } from './inside/tap-queues.js';
import { ThreadScheduling } from './kernel/thread-scheduling.js';
import { threadPollPolicy } from './thread-poll-policy.js';
import { UnitSender } from './outside/unit-sender.js';
import { CalledAddresses } from './outside/called-addresses.js';
import { EarlyDatagrams } from './outside/early-datagrams.js';
import { LOCAL_ADDRESS_BYTES } from './kernel/packet-info.js';
import { RawSender } from './outside/raw-sender.js';
import { NO_CHANNEL } from './outside/relay-channels.js';
import { Relaying } from './outside/relaying.js';
import { ForwarderReports } from './forwarder-report.js';
import type { WholeReport } from './forwarder-report.js';

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
  readonly #called = new CalledAddresses();
  readonly #queues: TapQueues;
  readonly #refused: RefusedFrames;
  readonly #indirection: IndirectionTable;
  readonly #waiting: WaitingRecords;
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
  /** When each peer's session was last asked for. */
  readonly #wantedTold = new ToldPeers();
  /** When it was last said that datagrams to a peer are too big. */
  readonly #tooBigTold = new ToldPeers();
  /** When it was last said that a peer behind a relay sends directly. */
  readonly #directTold = new ToldPeers();
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
    this.#rawSender = new RawSender(arena, udpFd, options.family, counters, this.#called);
    this.#relaying = new Relaying({ arena, fd: udpFd, peers, counters, lane, lanes, gso, rawSender: this.#rawSender });
    this.#indirection = new IndirectionTable(options.indirection, shapeOf(options), options.lane);
    this.#queues = new TapQueues(arena, options.tapFds, ownQueues(options), this.#indirection);
    this.#refused = new RefusedFrames(arena, this.#queues, this.#sender, this.#counters, () => deps.nowMs());
    this.#waiting = waitingFrames(arena, options.lanes);
    this.#early = new EarlyDatagrams(arena, counters, Math.floor(EARLY_BYTES / lanes) & ~3);
    this.#reader = this.#createReader();
    this.#writer = new InsideWriter(arena, this.#queues, this.#counters, this.#refused, options.tapUso);
    this.#probes = new Probes(
      arena,
      peers,
      this.#sender,
      this.#relaying.channels,
      counters,
      () => deps.nowMs() * 1000,
      (answer) => this.#emit({ type: 'probeAnswer', ...answer, peer: this.#peers.idOf(answer.peer)! }),
    );
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
    return Math.max(0, Math.min(IDLE_POLL_MS, Math.ceil(this.#waiting.dueMs - nowMs)));
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
    if (tooBigFor.size > 0) this.#tellOf(tooBigFor, 'tooBig', this.#tooBigTold, nowMs);
    const { wantedPeers } = this.#reader;
    if (wantedPeers.size > 0) this.#tellOf(wantedPeers, 'sessionWanted', this.#wantedTold, nowMs);
    if (nowMs >= this.#waiting.dueMs) this.#reader.refuseOverdue(nowMs);
    if (nowMs - this.#balancedMs >= BALANCE_INTERVAL_MS) this.#balance(nowMs);
    if (nowMs - this.#expiredMs >= EXPIRE_INTERVAL_MS) this.#expire(nowMs);
    return fromOutside > 0 || fromInside > 0;
  }

  #createReader(): InsideReader {
    const [arena, queues, peers, sender] = [this.#arena, this.#queues, this.#peers, this.#sender];
    return new InsideReader(arena, queues, peers, sender, this.#counters, this.#refused, this.#waiting);
  }

  #createReceiver(): OutsideReceiver {
    const idOf = (peer: number) => this.#peers.idOf(peer)!;
    return new OutsideReceiver({
      arena: this.#arena,
      fd: this.options.udpFd,
      peers: this.#peers,
      sessions: this.#sessions,
      reassembly: this.#reassembly,
      early: this.#early,
      writer: this.#writer,
      counters: this.#counters,
      lossReports: this.#lossReports,
      lanes: this.options.lanes,
      channels: this.#relaying.channels,
      relay: this.#relaying.relay,
      events: {
        handshake: (address, local, slot, bytes) => {
          const from = readSocketAddress(this.#arena, address);
          if (slot !== NO_CHANNEL) {
            this.#emit({ type: 'datagram', from, bytes, channel: this.#relaying.channels.numberOf(slot) });
            return;
          }
          if (local !== 0) this.#called.note(from, this.#localAddress(local));
          this.#emit({ type: 'datagram', from, bytes });
        },
        control: (peer, bytes) => this.#emit({ type: 'control', peer: idOf(peer), bytes }),
        probe: (peer, origin, unit, length, nowMs) => {
          const isReport = length > 0 && probeKind(this.#arena.view, unit) === KIND_LOSS_REPORT;
          if (isReport) this.#lossReports.receive(peer, unit, length, nowMs);
          else this.#probes.receive(peer, origin, unit, length);
        },
        confirmed: (peer, session) => {
          const localIndex = swap32(this.#sessions.wireIndexes[session]!);
          this.#emit({ type: 'sessionConfirmed', peer: idOf(peer), localIndex });
        },
        roamed: (peer, address) => {
          const endpoint = readSocketAddress(this.#arena, address);
          this.#peers.setPath(peer, endpoint, null);
          this.#emit({ type: 'roamed', peer: idOf(peer), endpoint });
        },
        calledAt: (peer, local) => this.#setLocal(peer, this.#localAddress(local)),
        heardDirectly: (peer, address) => {
          if (!this.#directTold.isDue(peer, this.deps.nowMs())) return;
          this.#emit({ type: 'heardDirectly', peer: idOf(peer), from: readSocketAddress(this.#arena, address) });
        },
      },
    });
  }

  /** False when the event is lost. */
  #emit(event: ForwarderEvent): boolean {
    const isTaken = this.deps.emit(event);
    if (!isTaken) this.#counters.drops[DROP.controlCongested]!++;
    return isTaken;
  }

  /**
   * Tells the agent of these peers and empties the set; of one peer at most once in WANTED_INTERVAL_MS.
   * @param told when it was told of each peer
   */
  #tellOf(peers: Set<number>, type: 'sessionWanted' | 'tooBig', told: ToldPeers, nowMs: number): void {
    for (const peer of peers) {
      const id = this.#peers.idOf(peer);
      if (id !== undefined && told.isDue(peer, nowMs)) this.#emit({ type, peer: id });
    }
    peers.clear();
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
        const { endpoint, mtuBytes, upForMs = null, relay = null } = command.path;
        const peer = this.#peers.indexOf(command.path.peer);
        if (peer === NO_PEER) return;
        this.#peers.setPath(peer, endpoint, mtuBytes, relay);
        // The first datagrams to a peer leave from where its handshake came to.
        const local = this.#peers.localAt(peer) === 0 ? this.#called.of(endpoint) : null;
        if (local !== null) this.#setLocal(peer, local);
        return this.#peers.noteUp(peer, upForMs, this.deps.nowMs());
      }
      case 'calledAt': {
        const peer = this.#peers.find(command.peer);
        // What this thread hears itself goes before.
        if (peer !== NO_PEER && this.#peers.localAt(peer) === 0) this.#peers.setLocal(peer, command.local);
        return;
      }
      case 'installSession':
        return this.#install(command.session);
      case 'activateSession':
        this.#reader.sendWaiting(this.#sessions.activate(command.localIndex));
        return;
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
        if (command.relay !== undefined) return this.#relaying.sendThrough(command.relay, command.bytes);
        return this.#rawSender.send(command.to, command.bytes);
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
        return command.sessions.forEach((state) => this.#sessions.resume(state, this.deps.nowMs()));
      case 'stop':
      case 'retire':
        this.#end = command.type;
    }
  }

  #localAddress(at: number): Uint8Array {
    return this.#arena.u8.slice(at, at + LOCAL_ADDRESS_BYTES);
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
