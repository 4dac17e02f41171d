/**
 * Conduct of members: how many messages of each were refused, and the notice that names a member to the operator. A message that no
 * honest node sends names its sender at once, one beyond a rate when there were many within a minute. Names only: what a message
 * may do is decided before, by the same rule for all.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import type { CounterName, Counters } from '../counters.js';
import { FEW_REFUSALS, MANY_REFUSALS, MAX_MEMBERS, MAX_UNPROVEN_PER_SENDER, NOTICE_INTERVAL_MS } from '../limits.js';
import { subjectOf } from '../notices.js';
import type { Notices } from '../notices.js';

/** Messages that no honest node of any version sends, with what was wrong with them. */
const PROOFS = {
  malformedControl: 'a control message that does not decode',
  invalidAdvert: 'an advert with a bad signature',
  badDeathReport: 'a report of a death with a bad signature',
} as const satisfies Partial<Record<CounterName, string>>;

/** Messages that are refused beyond a rate or a number. */
const EXCESSES = {
  advertTooOften: { of: 'adverts', namedAfter: MANY_REFUSALS },
  tooManyUnproven: { of: 'adverts of members that never had a handshake', namedAfter: MANY_REFUSALS },
  digestTooOften: { of: 'digests, pulls or revocations', namedAfter: FEW_REFUSALS },
  linksQueryTooSoon: { of: 'queries for links', namedAfter: FEW_REFUSALS },
  nodeChangesTooOften: { of: 'changes of nodes', namedAfter: FEW_REFUSALS },
  deathsTooOften: { of: 'messages about deaths', namedAfter: FEW_REFUSALS },
  oldDeathReport: { of: 'reports of deaths that are over', namedAfter: MANY_REFUSALS },
  relayTooOften: { of: 'messages about relays', namedAfter: FEW_REFUSALS },
  revocationRefused: { of: 'revocations that do not count', namedAfter: FEW_REFUSALS },
} as const satisfies Partial<Record<CounterName, { readonly of: string; readonly namedAfter: number }>>;

const INTRODUCED =
  `a member told of more than ${MAX_UNPROVEN_PER_SENDER} nodes within a minute; ` +
  'when so many are not new, it invents them';

export type Proof = keyof typeof PROOFS;
export type Excess = keyof typeof EXCESSES;

/** Messages of one member for one reason. */
interface Count {
  readonly fromMs: number;
  count: number;
}

export interface ConductDeps {
  readonly counters: Counters;
  /** Of its own: members that are invented use up those of links and claims. */
  readonly notices: Notices;
  readonly nameOf: (id: NodeId) => string;
}

export class Conduct {
  readonly #deps: ConductDeps;
  /** Of the last minute, by member and reason. Bounded by MAX_MEMBERS: the oldest is dropped beyond it. */
  readonly #counts = new BoundedMap<string, Count>(MAX_MEMBERS);
  /** When this node first heard of another from a third: who is new itself hears of all at once. -Infinity: it was not new. */
  #introducedMs: number | null = null;

  constructor(deps: ConductDeps) {
    this.#deps = deps;
  }

  /** Counts a message of a member, which was refused. */
  refused(from: NodeId, what: Proof | Excess, nowMs: number): void {
    this.#deps.counters.count(what);
    if (isProof(what)) this.#name(from, what, `a member sent ${PROOFS[what]}`, nowMs);
    else if (this.#countOf(from, what, nowMs) >= EXCESSES[what].namedAfter) {
      this.#name(from, what, `a member sends or passes on too many ${EXCESSES[what].of}, which are refused`, nowMs);
    }
  }

  /** This node knows members of an earlier process: what is told of others is news. */
  remembered(): void {
    this.#introducedMs = -Infinity;
  }

  /** A member told of another, which became a member by that: it may be invented as long as this node has not met it. */
  introduced(from: NodeId, nowMs: number): void {
    this.#introducedMs ??= nowMs;
    if (nowMs - this.#introducedMs < NOTICE_INTERVAL_MS) return;
    if (this.#countOf(from, 'introduced', nowMs) > MAX_UNPROVEN_PER_SENDER) {
      this.#name(from, 'introduced', INTRODUCED, nowMs);
    }
  }

  /** With this one, within a minute. */
  #countOf(from: NodeId, what: string, nowMs: number): number {
    const key = from + what;
    const known = this.#counts.get(key);
    if (known !== undefined && nowMs - known.fromMs < NOTICE_INTERVAL_MS) return ++known.count;
    this.#counts.set(key, { fromMs: nowMs, count: 1 });
    return 1;
  }

  #name(from: NodeId, reason: string, message: string, nowMs: number): void {
    const { notices, nameOf } = this.#deps;
    notices.write('warn', message, nowMs, subjectOf(from, from), { node: from, name: nameOf(from), reason });
  }
}

function isProof(what: Proof | Excess): what is Proof {
  return what in PROOFS;
}
