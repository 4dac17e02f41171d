/**
 * The router of a node in a crowd: seals and opens control and probe units as the real one does and answers probes by
 * itself. There is no TAP behind it: data units are counted and dropped. It keeps no replay window, as whom it talks to is
 * under test and not hostile.
 *
 *   command -> seal -> cut -> send            receive -> gather -> open -> event, answer or loss report
 */
import { randomBytes } from 'node:crypto';
import { ipFamily } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { PeerPath, RouterCommand, SessionKeys, SessionStatus } from '../../common/router-port.js';
import { sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { MeshEvent } from '../../mesh/index.js';
import { TAG_BYTES, TYPE_CONTROL, TYPE_COOKIE, TYPE_PROBE } from '../../common/wire/datagram.js';
import { IDLE_INTERVAL_MS } from '../../router/outside/loss-reports.js';
import { encodeAnswer, encodeProbe, encodeReport, PROBE_BYTES, readProbeUnit } from './probe-unit.js';
import { fragmentBytesFor, fragmentsFor, cutUnit, headersBytes, UnitGatherer } from './unit-datagrams.js';
import type { SealedUnit } from './unit-datagrams.js';
import { UnitKey } from './unit-key.js';

export interface CrowdRouterPort {
  send(to: SocketAddress, datagram: Uint8Array): void;
  up(event: MeshEvent): void;
  nowMs(): number;
}

/** Totals since it began. */
interface Traffic {
  txBytes: number;
  txFrames: number;
  rxBytes: number;
  rxFrames: number;
  lastReceivedMs: number | null;
}

interface Session {
  readonly keys: SessionKeys;
  readonly sealing: UnitKey;
  readonly opening: UnitKey;
  unitsSent: number;
  /** Highest counter that was opened. */
  highest: number;
  unitsOpened: number;
  datagramsOpened: number;
  reportedMs: number;
}

export class CrowdRouter {
  readonly #instance = randomBytes(8).toString('hex');
  /** By local index; as the three below it, bounded by what the core installs. */
  readonly #sessions = new Map<number, Session>();
  readonly #active = new Map<NodeId, Session>();
  readonly #paths = new Map<NodeId, PeerPath>();
  readonly #traffic = new Map<NodeId, Traffic>();
  readonly #gatherer = new UnitGatherer();
  /** Units that did not open, or are for no session. */
  refusedUnits = 0;

  constructor(readonly port: CrowdRouterPort) {}

  /** What a core hears first. */
  hello(): MeshEvent {
    const ciphers = ['aes-256-gcm', 'chacha20-poly1305'] as const;
    return { type: 'routerConnected', instance: this.#instance, ciphers, paths: [], sessions: [] };
  }

  /** To be given to the core every second. */
  counters(): MeshEvent {
    const nowMs = this.port.nowMs();
    const peers = Array.from(this.#traffic, ([peer, { lastReceivedMs, ...totals }]) => {
      const lastReceivedMsAgo = lastReceivedMs === null ? null : nowMs - lastReceivedMs;
      return { peer, ...totals, lastReceivedMsAgo, lossRatio: 0 };
    });
    return { type: 'counters', peers, sessions: this.#statuses() };
  }

  obey(command: RouterCommand): void {
    switch (command.type) {
      case 'tables':
        return;
      case 'path':
        this.#paths.set(command.path.peer, command.path);
        return;
      case 'installSession':
        this.#sessions.set(command.session.localIndex, sessionOf(command.session));
        return;
      case 'activateSession': {
        const session = this.#sessions.get(command.localIndex);
        if (session !== undefined) this.#active.set(session.keys.peer, session);
        return;
      }
      case 'removeSession':
        return this.#remove(command.localIndex);
      case 'removePeer':
        this.#paths.delete(command.peer);
        this.#traffic.delete(command.peer);
        return;
      case 'sendDatagram':
        return this.port.send(command.to, command.bytes);
      case 'sendControl':
        return this.#seal(command.peer, TYPE_CONTROL, command.bytes);
      case 'probe':
        return this.#probe(command.peer, command.probeId, command.sizeBytes);
    }
  }

  receive(from: SocketAddress, datagram: Uint8Array): void {
    if (datagram[0]! <= TYPE_COOKIE) return this.port.up({ type: 'datagram', from, bytes: Uint8Array.from(datagram) });
    const unit = this.#gatherer.add(datagram);
    if (unit === null) return;
    const session = this.#sessions.get(unit.index);
    const plaintext = session?.opening.open(unit.sealed, unit) ?? null;
    if (session === undefined || plaintext === null) this.refusedUnits++;
    else this.#opened(session, unit, plaintext, from);
  }

  #opened(session: Session, unit: SealedUnit, plaintext: Uint8Array, from: SocketAddress): void {
    const { peer, localIndex } = session.keys;
    const traffic = this.#trafficOf(peer);
    traffic.rxBytes += plaintext.length;
    traffic.rxFrames++;
    traffic.lastReceivedMs = this.port.nowMs();
    if (session.unitsOpened === 0) this.port.up({ type: 'sessionConfirmed', peer, localIndex });
    session.highest = Math.max(session.highest, unit.counter);
    session.unitsOpened++;
    session.datagramsOpened += unit.fragments;
    this.#followRoaming(peer, from);
    if (unit.type === TYPE_CONTROL) this.port.up({ type: 'control', peer, bytes: plaintext });
    else if (unit.type === TYPE_PROBE) this.#takeProbe(peer, plaintext, from);
    this.#reportWhenDue(session);
  }

  #takeProbe(peer: NodeId, plaintext: Uint8Array, from: SocketAddress): void {
    const unit = readProbeUnit(plaintext);
    if (unit?.kind === 'probe') return this.#seal(peer, TYPE_PROBE, encodeAnswer(unit, from));
    if (unit?.kind !== 'answer') return;
    const { probeId, sizeBytes, observed } = unit;
    const roundTripUs = this.port.nowMs() * 1000 - unit.sentUs;
    this.port.up({ type: 'probeAnswer', peer, probeId, sizeBytes, roundTripUs, observed });
  }

  /** A crowd gets no data, so this is how often a router would report. */
  #reportWhenDue(session: Session): void {
    const nowMs = this.port.nowMs();
    if (nowMs - session.reportedMs < IDLE_INTERVAL_MS) return;
    session.reportedMs = nowMs;
    const { peer, localIndex } = session.keys;
    const { unitsOpened, datagramsOpened } = session;
    const report = { index: localIndex, sent: session.highest + 1, opened: unitsOpened, datagrams: datagramsOpened };
    this.#seal(peer, TYPE_PROBE, encodeReport(report));
  }

  #probe(peer: NodeId, probeId: number, sizeBytes: number): void {
    const path = this.#paths.get(peer);
    if (path === undefined) return;
    const length = sizeBytes - headersBytes(ipFamily(path.endpoint.ip)) - TAG_BYTES;
    const probe = { probeId, sentUs: this.port.nowMs() * 1000, sizeBytes };
    this.#seal(peer, TYPE_PROBE, encodeProbe(probe, Math.max(PROBE_BYTES, length)));
  }

  /** Probe units are never cut. */
  #seal(peer: NodeId, type: number, plaintext: Uint8Array): void {
    const session = this.#active.get(peer);
    const path = this.#paths.get(peer);
    if (session === undefined || path === undefined) return;
    const fragmentBytes = fragmentBytesFor(path.mtuBytes, ipFamily(path.endpoint.ip));
    const fragments = type === TYPE_PROBE ? 1 : fragmentsFor(plaintext.length, fragmentBytes);
    const name = { type, counter: session.unitsSent++, fragments };
    const sealed = session.sealing.seal(plaintext, name);
    const traffic = this.#trafficOf(peer);
    traffic.txBytes += plaintext.length;
    traffic.txFrames++;
    for (const datagram of cutUnit({ ...name, index: session.keys.remoteIndex, sealed }, fragmentBytes)) {
      this.port.send(path.endpoint, datagram);
    }
  }

  #followRoaming(peer: NodeId, from: SocketAddress): void {
    const path = this.#paths.get(peer);
    if (path === undefined || sameSocketAddress(path.endpoint, from)) return;
    this.#paths.set(peer, { ...path, endpoint: from });
    this.port.up({ type: 'roamed', peer, endpoint: from });
  }

  #trafficOf(peer: NodeId): Traffic {
    const known = this.#traffic.get(peer);
    if (known !== undefined) return known;
    const none = { txBytes: 0, txFrames: 0, rxBytes: 0, rxFrames: 0, lastReceivedMs: null };
    this.#traffic.set(peer, none);
    return none;
  }

  #statuses(): SessionStatus[] {
    return Array.from(this.#sessions.values(), (session) => {
      const { peer, localIndex } = session.keys;
      return { peer, localIndex, active: this.#active.get(peer) === session, unitsSent: session.unitsSent };
    });
  }

  #remove(localIndex: number): void {
    const session = this.#sessions.get(localIndex);
    if (session === undefined) return;
    this.#sessions.delete(localIndex);
    if (this.#active.get(session.keys.peer) === session) this.#active.delete(session.keys.peer);
  }
}

function sessionOf(keys: SessionKeys): Session {
  return {
    keys,
    sealing: new UnitKey(keys.cipher, keys.sendKey),
    opening: new UnitKey(keys.cipher, keys.receiveKey),
    unitsSent: 0,
    highest: -1,
    unitsOpened: 0,
    datagramsOpened: 0,
    reportedMs: -Infinity,
  };
}
