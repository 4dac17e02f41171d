/**
 * Session table of one forwarding thread: keys, unit counters and receive contexts. The low 16 bits of a datagram's session
 * index are the slot, the upper 16 are random, which tells datagrams of an earlier session in the slot apart. A receive
 * context is one sender's lane within a session: key and replay window.
 */
import type { NodeId } from '../../common/node-id.js';
import type { SessionKeys, SessionStatus } from '../../common/router-port.js';
import type { AeadEngine, OpeningKey, SealingKey } from '../aead/aead.js';
import { laneKey } from '../aead/aead.js';
import { MAX_LANES, MAX_SESSIONS, REFUSE_AFTER_MS } from '../../common/protocol.js';
import { sessionSlot } from '../../common/wire/datagram-header.js';
import { swap32 } from '../kernel/byte-order.js';
import { MAX_RECEIVE_CONTEXTS } from '../limits.js';
import type { Peers } from './peers.js';
import { NO_PEER, NO_SESSION } from './peers.js';
import { ReplayWindows } from './replay-window.js';
import { eraseKeys } from './session-state.js';
import type { ReceiveState, SessionState } from './session-state.js';

export const NO_CONTEXT = -1;

/** Contexts that are looked at for one to take, and refusals for one time that this is done: it takes some 50 us to make its key. */
const LOOKED_AT = 64;
const REFUSALS_PER_TAKING = 16;

/** Base keys: that of sending is kept for the router that follows. */
type SessionSecret = Pick<SessionKeys, 'cipher' | 'sendKey' | 'receiveKey'>;

export class Sessions {
  /** How often a receive context was refused for want of room (`pools.ts`). */
  refusedContexts = 0;
  readonly windows = new ReplayWindows(MAX_RECEIVE_CONTEXTS);
  readonly openingKeys: (OpeningKey | undefined)[] = [];
  readonly sealingKeys: (SealingKey | undefined)[] = [];
  /** Local index of each slot as it stands in a header (swapped), 0 when the slot is free. */
  readonly wireIndexes = new Uint32Array(MAX_SESSIONS);
  /** The peer's index for each slot, swapped. */
  readonly remoteWireIndexes = new Uint32Array(MAX_SESSIONS);
  readonly peerOf = new Uint16Array(MAX_SESSIONS);
  readonly nextCounter = new Float64Array(MAX_SESSIONS);
  readonly confirmed = new Uint8Array(MAX_SESSIONS);
  readonly #installedMs = new Float64Array(MAX_SESSIONS);
  /** By receive context: units opened, and the datagrams they came in. */
  readonly unitsOpened = new Float64Array(MAX_RECEIVE_CONTEXTS);
  readonly datagramsOpened = new Float64Array(MAX_RECEIVE_CONTEXTS);
  readonly #contexts = new Int16Array(MAX_SESSIONS * MAX_LANES).fill(NO_CONTEXT);
  readonly #freeContexts: number[] = [];
  /** By receive context: its place in `#contexts`. */
  readonly #placeOf = new Int32Array(MAX_RECEIVE_CONTEXTS);
  /** The context that was last looked at to be taken. */
  #hand = 0;
  readonly #secrets: (SessionSecret | undefined)[] = [];
  /** Slots in use; bounded by MAX_SESSIONS. */
  readonly #slots = new Set<number>();

  constructor(
    private readonly engine: AeadEngine,
    private readonly peers: Peers,
    readonly lane: number,
  ) {
    for (let context = MAX_RECEIVE_CONTEXTS - 1; context >= 0; context--) this.#freeContexts.push(context);
  }

  /** The slot of a header's session index, or NO_SESSION. */
  find(wireIndex: number): number {
    const slot = sessionSlot(swap32(wireIndex));
    return slot < MAX_SESSIONS && wireIndex !== 0 && this.wireIndexes[slot] === wireIndex ? slot : NO_SESSION;
  }

  /** Installs a session for receiving, replacing the one in its slot. False when there is no room for the peer. */
  install(keys: SessionKeys, nowMs: number, firstCounter = 0): boolean {
    const slot = sessionSlot(keys.localIndex);
    const peer = this.peers.indexOf(keys.peer);
    if (slot >= MAX_SESSIONS || keys.localIndex === 0 || peer === NO_PEER) return false;
    if (this.#slots.has(slot)) this.#clear(slot);
    const { key, salt } = laneKey(keys.sendKey, this.lane);
    this.sealingKeys[slot] = this.engine.sealingKey(keys.cipher, key, salt, firstCounter);
    key.fill(0);
    const { cipher, sendKey, receiveKey } = keys;
    this.#secrets[slot] = { cipher, sendKey: Uint8Array.from(sendKey), receiveKey: Uint8Array.from(receiveKey) };
    this.wireIndexes[slot] = swap32(keys.localIndex);
    this.remoteWireIndexes[slot] = swap32(keys.remoteIndex);
    this.peerOf[slot] = peer;
    this.nextCounter[slot] = firstCounter;
    this.confirmed[slot] = 0;
    this.#installedMs[slot] = nowMs;
    this.#slots.add(slot);
    return true;
  }

  /** Installs a session of the router before, and goes on where that one ended. */
  resume(state: SessionState, nowMs: number): void {
    if (!this.install(state, nowMs - state.ageMs, state.nextCounter)) return;
    const slot = sessionSlot(state.localIndex);
    this.confirmed[slot] = state.confirmed ? 1 : 0;
    if (state.active) this.peers.activeSession[this.peerOf[slot]!] = slot;
    for (const { lane, highest, unitsOpened, datagramsOpened } of state.receiving) {
      const context = this.context(slot, lane);
      if (context === NO_CONTEXT) continue;
      this.windows.resume(context, highest);
      this.unitsOpened[context] = unitsOpened;
      this.datagramsOpened[context] = datagramsOpened;
    }
  }

  /** For the router that follows, once this thread seals nothing any more. The keys are its own: they end with the sessions. */
  states(nowMs: number): SessionState[] {
    return this.statuses(nowMs).map(({ peer, localIndex, active, unitsSent, ageMs }) => {
      const slot = sessionSlot(localIndex);
      return {
        ...{ peer, localIndex, remoteIndex: swap32(this.remoteWireIndexes[slot]!), ...this.#secrets[slot]! },
        ...{ active, ageMs: ageMs!, confirmed: this.confirmed[slot] === 1, nextCounter: unitsSent },
        receiving: this.#receiving(slot),
      };
    });
  }

  clear(): void {
    for (const slot of this.#slots) this.#clear(slot);
  }

  /** Seals with this session from now on. The peer, or NO_PEER when the session is not installed. */
  activate(localIndex: number): number {
    const slot = this.find(swap32(localIndex));
    if (slot === NO_SESSION) return NO_PEER;
    const peer = this.peerOf[slot]!;
    this.peers.activeSession[peer] = slot;
    return peer;
  }

  /** Seals with it no more until it is activated again; it goes on opening. */
  deactivate(localIndex: number): void {
    const slot = this.find(swap32(localIndex));
    if (slot === NO_SESSION) return;
    const peer = this.peerOf[slot]!;
    if (this.peers.activeSession[peer] === slot) this.peers.activeSession[peer] = NO_SESSION;
  }

  remove(localIndex: number): void {
    const slot = this.find(swap32(localIndex));
    if (slot !== NO_SESSION) this.#clear(slot);
  }

  /** Removes the sessions of REFUSE_AFTER_MS, also without a command of the agent, which may not come back. */
  expire(nowMs: number): void {
    for (const slot of this.#slots) if (nowMs - this.#installedMs[slot]! >= REFUSE_AFTER_MS) this.#clear(slot);
  }

  removePeer(id: NodeId): void {
    const peer = this.peers.find(id);
    for (const slot of this.#slots) if (this.peerOf[slot] === peer) this.#clear(slot);
  }

  /** Marks an authenticated unit: its counter as seen, its datagrams as arrived. */
  markOpened(context: number, counter: number, datagrams: number): void {
    this.windows.mark(context, counter);
    this.unitsOpened[context] = this.unitsOpened[context]! + 1;
    this.datagramsOpened[context] = this.datagramsOpened[context]! + datagrams;
  }

  /** The receive context of a sender's lane, deriving its key on first use; NO_CONTEXT when there is no room. */
  context(slot: number, lane: number): number {
    const at = slot * MAX_LANES + lane;
    const known = this.#contexts[at]!;
    return known !== NO_CONTEXT ? known : this.#openContext(slot, lane, at);
  }

  statuses(nowMs: number): SessionStatus[] {
    const statuses: SessionStatus[] = [];
    for (const slot of this.#slots) {
      const peer = this.peerOf[slot]!;
      const id = this.peers.idOf(peer);
      if (id === undefined) continue;
      statuses.push({
        peer: id,
        localIndex: swap32(this.wireIndexes[slot]!),
        active: this.peers.activeSession[peer] === slot,
        unitsSent: this.nextCounter[slot]!,
        ageMs: Math.floor(nowMs - this.#installedMs[slot]!),
        cipher: this.#secrets[slot]!.cipher,
      });
    }
    return statuses;
  }

  #receiving(slot: number): ReceiveState[] {
    const states: ReceiveState[] = [];
    for (let lane = 0; lane < MAX_LANES; lane++) {
      const context = this.#contexts[slot * MAX_LANES + lane]!;
      if (context === NO_CONTEXT) continue;
      const [unitsOpened, datagramsOpened] = [this.unitsOpened[context]!, this.datagramsOpened[context]!];
      states.push({ lane, highest: this.windows.highest(context), unitsOpened, datagramsOpened });
    }
    return states;
  }

  #openContext(slot: number, lane: number, at: number): number {
    const secret = this.#secrets[slot];
    if (secret === undefined || lane >= MAX_LANES) return NO_CONTEXT;
    const context = this.#freeContexts.pop() ?? this.#takeUnproven();
    if (context === NO_CONTEXT) return NO_CONTEXT;
    this.#placeOf[context] = at;
    const { key, salt } = laneKey(secret.receiveKey, lane);
    this.openingKeys[context] = this.engine.openingKey(secret.cipher, key, salt);
    key.fill(0);
    this.windows.reset(context);
    this.unitsOpened[context] = 0;
    this.datagramsOpened[context] = 0;
    this.#contexts[at] = context;
    return context;
  }

  /**
   * A context in which no unit ever opened: whoever sees the index of a session can send with all lanes, and would take them all.
   * One of REFUSALS_PER_TAKING calls gets one, so a lane that is in use has its context after some datagrams.
   */
  #takeUnproven(): number {
    this.refusedContexts++;
    if (this.refusedContexts % REFUSALS_PER_TAKING !== 0) return NO_CONTEXT;
    for (let i = 0; i < LOOKED_AT; i++) {
      this.#hand = (this.#hand + 1) % MAX_RECEIVE_CONTEXTS;
      if (this.unitsOpened[this.#hand] !== 0) continue;
      this.#closeContext(this.#placeOf[this.#hand]!);
      return this.#freeContexts.pop() ?? NO_CONTEXT;
    }
    return NO_CONTEXT;
  }

  #clear(slot: number): void {
    const peer = this.peerOf[slot]!;
    if (this.peers.activeSession[peer] === slot) this.peers.activeSession[peer] = NO_SESSION;
    this.sealingKeys[slot]?.destroy();
    this.sealingKeys[slot] = undefined;
    for (let lane = 0; lane < MAX_LANES; lane++) this.#closeContext(slot * MAX_LANES + lane);
    const secret = this.#secrets[slot];
    if (secret !== undefined) eraseKeys(secret);
    this.#secrets[slot] = undefined;
    this.wireIndexes[slot] = 0;
    this.#slots.delete(slot);
  }

  #closeContext(at: number): void {
    const context = this.#contexts[at]!;
    if (context === NO_CONTEXT) return;
    this.openingKeys[context]?.destroy();
    this.openingKeys[context] = undefined;
    this.#contexts[at] = NO_CONTEXT;
    this.#freeContexts.push(context);
  }
}
