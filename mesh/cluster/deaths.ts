/**
 * Deaths of members, made known to all: a neighbour that has heard nothing of a member for DOWN_AFTER_MS, or its goodbye, signs a
 * report, which is pushed as adverts are. Two reports of different neighbours take the member down at every node that does not
 * hear it itself.
 *
 * ```
 *   own link went down --------------> sign --+
 *                                             +--> pushed once, with digests for 60 s, and to the member itself when it is linked
 *   told by a peer --> does it count? --------+--> second one: the member is down
 *
 *   report about this node -----------> a new advert, which voids all reports about the one before
 * ```
 *
 * A report counts when its observer is one of the member's neighbours, is no newcomer, and has not reported a living node before.
 * So one member of ill will takes nobody down. Two together take a quiet link down until its node has signed a new advert.
 */
import { BoundedMap } from '../../common/bounded-map.js';
import type { NodeId } from '../../common/node-id.js';
import type { Conduct } from './conduct.js';
import {
  CONNECT_WITHIN_MS,
  DEATH_AGE_MS,
  DEATH_CONFIRMATIONS,
  DEATH_DOUBTED_AFTER_MS,
  DEATHS_DOUBTED_AT_ONCE,
  DOWN_AFTER_MS,
  GOSSIP_FANOUT,
  MAX_DEATHS_PER_MESSAGE,
  MAX_MEMBERS,
  MAX_PENDING_DEATHS,
  REFUTATION_BURST,
  REFUTATIONS_PER_SECOND,
} from '../limits.js';
import type { RandomSource } from '../mesh-io.js';
import type { Notices } from '../notices.js';
import { isDead, isSilent } from '../peer/link.js';
import type { Link } from '../peer/link.js';
import type { Peer } from '../peer/peer.js';
import { RateLimiter } from '../rate-limiter.js';
import type { Advert } from '../wire/advert.js';
import { encodeControl } from '../wire/control-message.js';
import { hasGoodSignature, signDeathReport } from '../wire/death-report.js';
import type { DeathReport } from '../wire/death-report.js';
import type { NodeIdentity } from '../wire/identity.js';
import type { Membership } from './membership.js';
import type { Neighbourhood } from './neighbourhood.js';
import { sample } from './sample.js';

export interface DeathsDeps {
  readonly identity: NodeIdentity;
  readonly random: RandomSource;
  readonly conduct: Pick<Conduct, 'refused'>;
  readonly notices: Notices;
  readonly members: Membership;
  readonly peers: ReadonlyMap<NodeId, Peer>;
  /** The peer of a member, made when there is none. */
  peerOf(id: NodeId, nowMs: number): Peer | null;
  readonly neighbourhood: Pick<Neighbourhood, 'ids' | 'linked' | 'neighboursOf'>;
  readonly ownAdvert: () => Advert;
  /** Whether the member has been known for long enough, and by whom it has to be. */
  readonly isTrusted: (observer: Advert, nowMs: number) => boolean;
  /** Signs a new advert of this node. */
  readonly renewSelf: () => void;
  send(peer: NodeId, bytes: Uint8Array): void;
  /** Does what is due for a peer that changed. */
  advancePeer(peer: Peer, nowMs: number): void;
}

/** What was reported of one advert of a member. */
interface Suspicion {
  readonly revision: number;
  readonly incarnation: number;
  readonly atMs: number;
  /** Of different observers. Bounded by DEATH_CONFIRMATIONS. */
  readonly reports: DeathReport[];
}

export class Deaths {
  readonly #deps: DeathsDeps;
  /** By member. Bounded by MAX_MEMBERS, as the members are. */
  readonly #suspicions = new BoundedMap<NodeId, Suspicion>(MAX_MEMBERS);
  /** Observers with the living member that they reported. */
  readonly #refuted = new BoundedMap<string, true>(MAX_MEMBERS);
  /** Revision in the last report of an observer that was passed to the member itself. */
  readonly #passedOn = new BoundedMap<string, number>(MAX_MEMBERS);
  readonly #refutations = new RateLimiter<NodeId>({
    burst: REFUTATION_BURST,
    perSecond: REFUTATIONS_PER_SECOND,
    maxKeys: MAX_MEMBERS,
  });
  /** Members that this node reported, of which a newer advert came since, and when they are reported again. */
  readonly #recheckAtMs = new BoundedMap<NodeId, number>(MAX_MEMBERS);
  /** Reports to push, each with the peer that sent it. Bounded by MAX_PENDING_DEATHS. */
  #pending: { readonly report: DeathReport; readonly from: NodeId | null }[] = [];

  constructor(deps: DeathsDeps) {
    this.#deps = deps;
  }

  linkChanged(peer: Peer, before: Link, nowMs: number): void {
    if (peer.link.state === 'up') this.#tellItself(peer);
    else if ((isSilent(before) && isDead(peer.link)) || peer.hasLeft) this.#report(peer, nowMs);
  }

  /** A newer advert of a member voids what was reported of it. */
  advertLearned({ id, revision, incarnation }: Advert, nowMs: number): void {
    const suspicion = this.#suspicions.get(id);
    if (suspicion === undefined || suspicion.revision >= revision) return;
    this.#suspicions.delete(id);
    const { reports } = suspicion;
    // Another process of the node: it may have been dead.
    if (suspicion.incarnation === incarnation) this.#noteRefuted(id, reports, nowMs);
    const isOwn = reports.some(({ observer }) => observer === this.#deps.identity.id);
    if (isOwn) this.#recheckAtMs.set(id, nowMs + CONNECT_WITHIN_MS);
  }

  /** Reports that a peer sent. */
  receive(reports: readonly DeathReport[], from: NodeId, nowMs: number): void {
    for (const report of reports) {
      if (report.node === this.#deps.identity.id) this.#refute(report, from, nowMs);
      else this.#learn(report, from, nowMs);
    }
  }

  /** Tells a peer the reports of the last DEATH_AGE_MS, beside a digest. */
  remind(peer: NodeId, nowMs: number): void {
    this.#doubt(nowMs);
    const recent = [...this.#suspicions.values()].filter(({ atMs }) => nowMs - atMs < DEATH_AGE_MS);
    this.#send(peer, recent.flatMap(({ reports }) => reports).slice(-MAX_DEATHS_PER_MESSAGE));
  }

  /**
   * Voids reports whose observers may not report the member. Who may follows from the members that live: those were others while
   * the cluster was divided, and nobody who sees all of it takes their reports or passes them on, also not to the member itself.
   * Looks at a few members a call, in turn.
   */
  #doubt(nowMs: number): void {
    const { neighbourhood, peers } = this.#deps;
    for (const [id, suspicion] of [...this.#suspicions].slice(0, DEATHS_DOUBTED_AT_ONCE)) {
      if (nowMs - suspicion.atMs < DEATH_DOUBTED_AFTER_MS) continue;
      const mayReport = neighbourhood.neighboursOf(id);
      if (suspicion.reports.every(({ observer }) => mayReport.has(observer))) {
        this.#suspicions.set(id, suspicion);
        continue;
      }
      this.#suspicions.delete(id);
      const peer = peers.get(id);
      if (peer?.isReported !== true) continue;
      peer.reportsVoid(nowMs);
      this.#deps.advancePeer(peer, nowMs);
    }
  }

  advance(nowMs: number): void {
    if (this.#pending.length > 0) this.#push();
    for (const [id, atMs] of this.#recheckAtMs) {
      if (nowMs < atMs) continue;
      this.#recheckAtMs.delete(id);
      const peer = this.#deps.peers.get(id);
      if (peer !== undefined && isDead(peer.link)) this.#report(peer, nowMs);
    }
  }

  pollAt(): number | null {
    return this.#recheckAtMs.size === 0 ? null : Math.min(...this.#recheckAtMs.values());
  }

  /** This node found a neighbour dead. */
  #report({ id, advert, isNeighbour }: Peer, nowMs: number): void {
    if (advert === null || !isNeighbour || !this.#isHealthy(nowMs)) return;
    this.#add(signDeathReport(this.#deps.identity, id, advert.revision), advert, null, nowMs);
  }

  /** When more than half of the neighbours fell silent, the fault may be this node's own. */
  #isHealthy(nowMs: number): boolean {
    const { peers, neighbourhood } = this.#deps;
    const links = Array.from(neighbourhood.ids, (id) => peers.get(id)?.link).filter((link) => link !== undefined);
    const silent = links.filter((link) => isSilent(link) || (isDead(link) && nowMs - link.sinceMs < DOWN_AFTER_MS));
    return links.filter(({ state }) => state === 'up').length >= silent.length;
  }

  #learn(report: DeathReport, from: NodeId, nowMs: number): void {
    const { members, peers, conduct } = this.#deps;
    const advert = members.get(report.node);
    if (advert === undefined) return;
    if (report.revision < advert.revision) return conduct.refused(from, 'oldDeathReport', nowMs);
    if (report.revision > advert.revision || this.#isKnown(report)) return;
    const observer = this.#observerOf(report, nowMs);
    if (observer === null || this.#refuted.has(refutedKey(report))) return;
    if (!hasGoodSignature(report, observer.identityKey)) return conduct.refused(from, 'badDeathReport', nowMs);
    if (peers.get(report.node)?.isHeard(nowMs) === true) this.#passToItself(report);
    else this.#add(report, advert, from, nowMs);
  }

  /** Once, so that many copies of a report do not become many messages to the living. */
  #passToItself(report: DeathReport): void {
    const { node, revision } = report;
    if (this.#passedOn.get(refutedKey(report)) === revision) return;
    this.#passedOn.set(refutedKey(report), revision);
    this.#send(node, [report]);
  }

  /** Whether it says nothing new, or enough is known already. */
  #isKnown({ node, observer, revision }: DeathReport): boolean {
    const suspicion = this.#suspicions.get(node);
    if (suspicion?.revision !== revision) return false;
    const { reports } = suspicion;
    return reports.length >= DEATH_CONFIRMATIONS || reports.some((other) => other.observer === observer);
  }

  /** The advert of the observer if it may observe the member, or null. */
  #observerOf({ node, observer }: DeathReport, nowMs: number): Advert | null {
    const { members, neighbourhood, isTrusted } = this.#deps;
    const advert = members.get(observer);
    if (advert === undefined || observer === node || !neighbourhood.neighboursOf(node).has(observer)) return null;
    return isTrusted(advert, nowMs) ? advert : null;
  }

  #add(report: DeathReport, { revision, incarnation }: Advert, from: NodeId | null, nowMs: number): void {
    const known = this.#suspicions.get(report.node);
    const suspicion = known?.revision === revision ? known : { revision, incarnation, atMs: nowMs, reports: [] };
    if (suspicion.reports.length < DEATH_CONFIRMATIONS) suspicion.reports.push(report);
    this.#suspicions.set(report.node, suspicion);
    this.#pending.push({ report, from });
    if (this.#pending.length > MAX_PENDING_DEATHS) this.#pending.shift();
    if (suspicion.reports.length < DEATH_CONFIRMATIONS) return;
    const peer = this.#deps.peerOf(report.node, nowMs);
    if (peer === null || peer.link.state === 'down') return;
    peer.reported(nowMs);
    this.#deps.advancePeer(peer, nowMs);
  }

  #push(): void {
    const { neighbourhood, random } = this.#deps;
    const pending = this.#pending;
    this.#pending = [];
    for (const peer of sample(neighbourhood.linked(), GOSSIP_FANOUT, random)) {
      const news = pending.filter(({ from }) => from !== peer).map(({ report }) => report);
      for (let at = 0; at < news.length; at += MAX_DEATHS_PER_MESSAGE) {
        this.#send(peer, news.slice(at, at + MAX_DEATHS_PER_MESSAGE));
      }
    }
  }

  /** It lives: told what others were told, it signs a new advert. */
  #tellItself({ id, advert }: Peer): void {
    const suspicion = this.#suspicions.get(id);
    if (suspicion !== undefined && suspicion.revision === advert?.revision) this.#send(id, suspicion.reports);
  }

  #refute(report: DeathReport, from: NodeId, nowMs: number): void {
    const { ownAdvert, renewSelf, conduct } = this.#deps;
    if (report.revision !== ownAdvert().revision) return;
    const observer = this.#observerOf(report, nowMs);
    if (observer === null || !this.#refutations.has(observer.id, nowMs)) return;
    if (!hasGoodSignature(report, observer.identityKey)) return conduct.refused(from, 'badDeathReport', nowMs);
    // Not before: reports in the name of others would use up what answers theirs.
    this.#refutations.take(observer.id, nowMs);
    renewSelf();
    for (const peer of this.#deps.peers.values()) {
      peer.closeIfQuiet(nowMs);
      this.#deps.advancePeer(peer, nowMs);
    }
  }

  #noteRefuted(node: NodeId, reports: readonly DeathReport[], nowMs: number): void {
    const { notices, members, identity } = this.#deps;
    if (reports.length < DEATH_CONFIRMATIONS) return;
    const others = reports.filter(({ observer }) => observer !== identity.id);
    for (const report of others) this.#refuted.set(refutedKey(report), true);
    const nameOf = (id: NodeId): string => members.get(id)?.name ?? id;
    const fields = { node, name: nameOf(node), observers: reports.map(({ observer }) => nameOf(observer)).join() };
    notices.write('warn', 'a node that two of its neighbours reported dead is alive', nowMs, node, fields);
  }

  #send(peer: NodeId, reports: readonly DeathReport[]): void {
    if (reports.length > 0) this.#deps.send(peer, encodeControl({ type: 'deaths', reports }));
  }
}

function refutedKey({ node, observer }: DeathReport): string {
  return observer + node;
}
