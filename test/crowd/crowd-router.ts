/**
 * Router of a node in a crowd: seals and opens control and probe units by the reference codec, and answers probes without
 * its mesh core. It has no TAP: data units are counted and dropped. It has no replay window, as its peer is under test and not
 * hostile.
 *
 *   command -> seal, cut -> send            receive -> reassemble -> open -> event, answer or loss report
 */
import { randomBytes } from 'node:crypto';
import { ipFamily } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { PeerPath, RouterCommand, SessionKeys, SessionStatus } from '../../common/router-port.js';
import { sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { MeshEvent } from '../../mesh/index.js';
import {
  DATAGRAM_HEADER_BYTES,
  datagramType,
  TYPE_CONTROL,
  TYPE_COOKIE,
  TYPE_PROBE,
} from '../../common/wire/datagram-header.js';
import { LOSS_REPORT_BYTES, writeLossReport } from '../../common/wire/loss-report-unit.js';
import { underlayHeaderBytes } from '../../common/wire/overhead.js';
import {
  checkProbe,
  KIND_PROBE,
  PROBE_BYTES,
  probeKind,
  readObserved,
  readProbe,
  writeAnswer,
  writeProbe,
} from '../../common/wire/probe-unit.js';
import { fragmentBytesFor, TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { IDLE_INTERVAL_MS } from '../../router/outside/loss-reports.js';
import { openUnit, ReferenceReassembly, sealUnit } from '../../router/testing/reference-wire.js';
import type { OpenedUnit, WireKey } from '../../router/testing/reference-wire.js';

/** Units of one node whose datagrams are not all there yet; the oldest is dropped. */
const MAX_INCOMPLETE_UNITS = 64;

export interface CrowdRouterDeps {
  send(to: SocketAddress, datagram: Uint8Array): void;
  up(event: MeshEvent): void;
  nowMs(): number;
}

/** Totals of data since it began, as a router counts them: neither control units nor probes. It has no TAP, so it sends none. */
interface Traffic {
  rxBytes: number;
  rxFrames: number;
  lastReceivedMs: number | null;
}

interface Session {
  readonly keys: SessionKeys;
  readonly sealing: WireKey;
  readonly opening: WireKey;
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
  readonly #reassembly = new ReferenceReassembly(MAX_INCOMPLETE_UNITS);
  /** Units that did not open, or are for no session. */
  refusedUnits = 0;

  constructor(readonly deps: CrowdRouterDeps) {}

  /** First event of a core. */
  hello(): MeshEvent {
    const ciphers = ['aes-256-gcm', 'chacha20-poly1305'] as const;
    return { type: 'routerConnected', instance: this.#instance, ciphers, paths: [], sessions: [] };
  }

  /** Event for the core, due every second. */
  counters(): MeshEvent {
    const nowMs = this.deps.nowMs();
    const peers = Array.from(this.#traffic, ([peer, { lastReceivedMs, ...totals }]) => {
      const lastReceivedMsAgo = lastReceivedMs === null ? null : nowMs - lastReceivedMs;
      return { peer, txBytes: 0, txFrames: 0, ...totals, lastReceivedMsAgo, lossRatio: 0 };
    });
    return { type: 'counters', peers, sessions: this.#statuses() };
  }

  execute(command: RouterCommand): void {
    switch (command.type) {
      case 'tables':
      case 'tablesChange':
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
        return this.deps.send(command.to, command.bytes);
      case 'sendControl':
        return this.#seal(command.peer, TYPE_CONTROL, command.bytes);
      case 'probe':
        return this.#probe(command.peer, command.probeId, command.sizeBytes);
      case 'deactivateSession':
      case 'expectSession':
      case 'openChannel':
      case 'closeChannel':
      case 'openRelay':
      case 'closeRelay':
      case 'reportChanges':
        // Never sent to a router whose `hello` has none of `relaying`, `earlyFrames` and `reportsChanges`.
        return;
    }
  }

  receive(from: SocketAddress, datagram: Uint8Array): void {
    if (datagramType(datagram) <= TYPE_COOKIE)
      return this.deps.up({ type: 'datagram', from, bytes: Uint8Array.from(datagram) });
    const sealed = this.#reassembly.add(datagram);
    if (sealed === null) return;
    const session = this.#sessions.get(sealed.index);
    const unit = session === undefined ? null : openUnit(session.opening, sealed);
    if (session === undefined || unit === null) this.refusedUnits++;
    else this.#opened(session, unit, from);
  }

  #opened(session: Session, unit: OpenedUnit, from: SocketAddress): void {
    const { peer, localIndex } = session.keys;
    const traffic = this.#trafficOf(peer);
    traffic.lastReceivedMs = this.deps.nowMs();
    if (session.unitsOpened === 0) this.deps.up({ type: 'sessionConfirmed', peer, localIndex });
    session.highest = Math.max(session.highest, unit.counter);
    session.unitsOpened++;
    session.datagramsOpened += unit.fragments;
    this.#followRoaming(peer, from);
    if (unit.type === TYPE_CONTROL) this.deps.up({ type: 'control', peer, bytes: unit.plain });
    else if (unit.type === TYPE_PROBE) this.#takeProbe(peer, unit.plain, from);
    else {
      traffic.rxBytes += unit.plain.length;
      traffic.rxFrames++;
    }
    this.#reportWhenDue(session);
  }

  #takeProbe(peer: NodeId, plaintext: Uint8Array, from: SocketAddress): void {
    const probe = viewOf(plaintext);
    if (!checkProbe(probe, 0, plaintext.length)) return;
    if (probeKind(probe, 0) === KIND_PROBE) {
      const answer = new Uint8Array(PROBE_BYTES);
      writeAnswer(viewOf(answer), 0, probe, 0, from);
      return this.#seal(peer, TYPE_PROBE, answer);
    }
    const { probeId, sentUs, sizeBytes } = readProbe(probe, 0);
    const roundTripUs = this.deps.nowMs() * 1000 - sentUs;
    this.deps.up({ type: 'probeAnswer', peer, probeId, sizeBytes, roundTripUs, observed: readObserved(probe, 0) });
  }

  /** A crowd gets no data, so this is how often a router would report. */
  #reportWhenDue(session: Session): void {
    const nowMs = this.deps.nowMs();
    if (nowMs - session.reportedMs < IDLE_INTERVAL_MS) return;
    session.reportedMs = nowMs;
    const { peer, localIndex } = session.keys;
    const { unitsOpened, datagramsOpened } = session;
    const totals = { sent: session.highest + 1, opened: unitsOpened, datagrams: datagramsOpened };
    const report = new Uint8Array(LOSS_REPORT_BYTES);
    writeLossReport(viewOf(report), 0, { lane: 0, index: localIndex, ...totals });
    this.#seal(peer, TYPE_PROBE, report);
  }

  #probe(peer: NodeId, probeId: number, sizeBytes: number): void {
    const path = this.#paths.get(peer);
    if (path === undefined) return;
    const probe = new Uint8Array(Math.max(PROBE_BYTES, sizeBytes - headersBytes(path) - TAG_BYTES));
    writeProbe(viewOf(probe), 0, { probeId, sentUs: this.deps.nowMs() * 1000, sizeBytes });
    this.#seal(peer, TYPE_PROBE, probe);
  }

  /** Probe units are never cut. */
  #seal(peer: NodeId, type: number, plaintext: Uint8Array): void {
    const session = this.#active.get(peer);
    const path = this.#paths.get(peer);
    if (session === undefined || path === undefined) return;
    const whole = plaintext.length + TAG_BYTES;
    const fragmentBytes = type === TYPE_PROBE ? whole : fragmentBytesFor(path.mtuBytes, headersBytes(path));
    for (const datagram of sealUnit(session.sealing, session.unitsSent++, plaintext, { type, fragmentBytes })) {
      this.deps.send(path.endpoint, datagram);
    }
  }

  #followRoaming(peer: NodeId, from: SocketAddress): void {
    const path = this.#paths.get(peer);
    if (path === undefined || sameSocketAddress(path.endpoint, from)) return;
    this.#paths.set(peer, { ...path, endpoint: from });
    this.deps.up({ type: 'roamed', peer, endpoint: from });
  }

  #trafficOf(peer: NodeId): Traffic {
    const known = this.#traffic.get(peer);
    if (known !== undefined) return known;
    const none = { rxBytes: 0, rxFrames: 0, lastReceivedMs: null };
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
    sealing: { cipher: keys.cipher, baseKey: keys.sendKey, index: keys.remoteIndex },
    opening: { cipher: keys.cipher, baseKey: keys.receiveKey, index: keys.localIndex },
    unitsSent: 0,
    highest: -1,
    unitsOpened: 0,
    datagramsOpened: 0,
    reportedMs: -Infinity,
  };
}

/** IP, UDP and datagram header of what travels on a path. */
function headersBytes({ endpoint }: PeerPath): number {
  return underlayHeaderBytes(ipFamily(endpoint.ip)) + DATAGRAM_HEADER_BYTES;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
