/** Named counters of what the core refused. The names are a fixed list, so remote input adds none. */
import { HANDSHAKE_REFUSALS } from './handshake/handshake-refusal.js';
import type { HandshakeRefusal } from './handshake/handshake-refusal.js';

type HandshakeCounter = `handshake${Capitalize<HandshakeRefusal>}`;

const OTHER_COUNTERS = [
  'unknownPeer',
  'invalidAdvert',
  'tooManyMembers',
  'advertTooOften',
  'tooManyUnproven',
  'malformedControl',
  'unknownControl',
  'linksQueryTooSoon',
  'digestTooOften',
  'nodeChangesTooOften',
  'deathsTooOften',
  'badDeathReport',
  'oldDeathReport',
  'revokedNode',
  'revocationRefused',
  'notNamed',
  'relayTooOften',
  'unknownChannel',
] as const;

export type CounterName = HandshakeCounter | (typeof OTHER_COUNTERS)[number];

export const COUNTER_NAMES: readonly CounterName[] = [...HANDSHAKE_REFUSALS.map(counterOf), ...OTHER_COUNTERS];

export class Counters {
  readonly #counts = new Map<CounterName, number>();

  count(name: CounterName): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  countHandshake(refusal: HandshakeRefusal): void {
    this.count(counterOf(refusal));
  }

  /** Those that are not zero. */
  all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

function counterOf(refusal: HandshakeRefusal): HandshakeCounter {
  return `handshake${refusal[0]!.toUpperCase()}${refusal.slice(1)}` as HandshakeCounter;
}
