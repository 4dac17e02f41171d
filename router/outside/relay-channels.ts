/**
 * Channels on which this node takes envelopes (ADR 0044), by the number that it chose: as an end, from its relay, or as the relay of
 * a pair, from one of both ends. Fixed memory; read per envelope, written between batches.
 */
import { MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS } from '../../common/protocol.js';
import type { OpenChannel, OpenRelay, RelayChannel } from '../../common/router-port.js';
import { CHANNEL_WORD, TOKEN_WORD } from '../../common/wire/relay-envelope.js';
import type { IdleRelay } from '../forwarder-messages.js';
import type { Arena } from '../kernel/arena.js';
import { sameSocketAddressMemory } from '../kernel/socket-address-memory.js';
import { DROP } from '../tables/drop-reasons.js';
import { channelWord, envelopeWords } from '../tables/envelope-words.js';
import type { EnvelopeWords } from '../tables/envelope-words.js';
import type { Peers } from '../tables/peers.js';
import { openerOf, RelayOpeners } from './relay-openers.js';

/** No slot: the channel is not open. */
export const NO_CHANNEL = -1;
/** Slots of pairs come first: both ends of pair p are 2p and 2p + 1. */
const FIRST_OF_ENDS = 2 * MAX_RELAY_PAIRS;
const SLOTS = FIRST_OF_ENDS + MAX_RELAY_CHANNELS;

export class RelayChannels {
  readonly openers = new RelayOpeners();
  /** By the channel's word in an envelope. Bounded by the number of slots. */
  readonly #slots = new Map<number, number>();
  readonly #free: number[] = [];
  readonly #freePairs: number[] = [];
  readonly #token0 = new Int32Array(SLOTS);
  readonly #token1 = new Int32Array(SLOTS);
  /** The peer from whose direct path the envelopes must come: the relay, or the end. */
  readonly #from = new Int32Array(SLOTS);
  readonly #numbers = new Uint32Array(SLOTS);
  /** The way back: of a channel to its relay, of a pair to the end. */
  readonly #back: (EnvelopeWords | null)[] = new Array<EnvelopeWords | null>(SLOTS).fill(null);
  readonly #usedMs = new Float64Array(FIRST_OF_ENDS);

  constructor(
    private readonly arena: Arena,
    private readonly peers: Peers,
  ) {
    for (let slot = SLOTS - 1; slot >= FIRST_OF_ENDS; slot--) this.#free.push(slot);
    for (let pair = MAX_RELAY_PAIRS - 1; pair >= 0; pair--) this.#freePairs.push(pair);
  }

  /** Ignored when MAX_RELAY_CHANNELS are open. */
  openChannel({ channel, relay, send }: OpenChannel): void {
    this.close(channel.channel);
    const slot = this.#free.pop();
    if (slot !== undefined) this.#open(slot, this.peers.indexOf(relay), channel, send ?? null);
  }

  /** Ignored when MAX_RELAY_PAIRS are open. */
  openRelay(opened: OpenRelay, nowMs: number): void {
    const { ends } = opened;
    const [a, b] = ends;
    this.close(a.receive.channel);
    this.close(b.receive.channel);
    const pair = a.receive.channel === b.receive.channel ? undefined : this.#freePairs.pop();
    if (pair === undefined) return;
    this.openers.open(pair, openerOf(opened));
    ends.forEach(({ peer, receive, send }, end) => {
      this.#usedMs[2 * pair + end] = nowMs;
      this.#open(2 * pair + end, this.peers.indexOf(peer), receive, send);
    });
  }

  /** Closes the channel with this number, and the other one of a pair. */
  close(channel: number): void {
    const slot = this.#slotOf(channel);
    if (slot === NO_CHANNEL) return;
    this.#close(slot);
    if (!this.isRelays(slot)) {
      this.#free.push(slot);
      return;
    }
    this.#close(this.otherEnd(slot));
    this.openers.close(slot >>> 1);
    this.#freePairs.push(slot >>> 1);
  }

  /** Closes all channels whose envelopes come from this peer: its index may become that of another one. */
  forget(peer: number): void {
    for (const slot of [...this.#slots.values()]) if (this.#from[slot] === peer) this.close(this.#numbers[slot]!);
  }

  /** The slot of a channel, or NO_CHANNEL. @param envelope word of the arena where an envelope begins */
  find(envelope: number): number {
    return this.#slots.get(this.arena.i32[envelope + CHANNEL_WORD]!) ?? NO_CHANNEL;
  }

  /** The reason to drop the envelope at this word of the arena, which came from the socket address at offset `sender`; or null. */
  refusal(slot: number, envelope: number, sender: number): number | null {
    const { arena, peers } = this;
    const { i32 } = arena;
    if (i32[envelope + TOKEN_WORD] !== this.#token0[slot] || i32[envelope + TOKEN_WORD + 1] !== this.#token1[slot]) {
      return DROP.relayWrongToken;
    }
    const from = this.#from[slot]!;
    const isIts = peers.isDirect(from) && sameSocketAddressMemory(arena, sender, peers.addressAt(from), peers.family);
    return isIts ? null : DROP.relayWrongSource;
  }

  /** Whether this node relays what comes on the channel. */
  isRelays(slot: number): boolean {
    return slot < FIRST_OF_ENDS;
  }

  /** The slot of the other end of a pair. */
  otherEnd(slot: number): number {
    return slot ^ 1;
  }

  /** The peer that envelopes of the channel come from. */
  peerOf(slot: number): number {
    return this.#from[slot]!;
  }

  /** What an envelope back to that peer has; null when the agent did not say. */
  wayBack(slot: number): EnvelopeWords | null {
    return this.#back[slot]!;
  }

  numberOf(slot: number): number {
    return this.#numbers[slot]!;
  }

  /** The slot of an end's channel with this number; NO_CHANNEL when there is none. */
  ownChannel(channel: number): number {
    const slot = this.#slotOf(channel);
    return slot !== NO_CHANNEL && this.isRelays(slot) ? NO_CHANNEL : slot;
  }

  noteUse(slot: number, nowMs: number): void {
    this.#usedMs[slot] = nowMs;
  }

  /** Of each pair: the receive channel of its first end, and how long no datagram went either way. */
  idleTimes(nowMs: number): IdleRelay[] {
    const first = [...this.#slots.values()].filter((slot) => this.isRelays(slot) && slot % 2 === 0);
    return first.map((slot) => {
      const usedMs = Math.max(this.#usedMs[slot]!, this.#usedMs[slot + 1]!);
      return { channel: this.#numbers[slot]!, idleForMs: Math.max(0, nowMs - usedMs) };
    });
  }

  #slotOf(channel: number): number {
    return this.#slots.get(channelWord(channel)) ?? NO_CHANNEL;
  }

  #open(slot: number, from: number, receive: RelayChannel, back: RelayChannel | null): void {
    const { channel, token0, token1 } = envelopeWords(receive);
    this.#slots.set(channel, slot);
    this.#token0[slot] = token0;
    this.#token1[slot] = token1;
    this.#from[slot] = from;
    this.#numbers[slot] = receive.channel;
    this.#back[slot] = back === null ? null : envelopeWords(back);
  }

  #close(slot: number): void {
    this.#slots.delete(channelWord(this.#numbers[slot]!));
    this.#back[slot] = null;
  }
}
