/**
 * Spread of revocations: a new decision is sent to all linked neighbours, and by each of them once more; a sample of all
 * decisions goes along with every digest, for nodes that this misses. A decision that counts is carried out here: the node's link,
 * sessions and advert go at once, or it may come back.
 */
import type { NodeId } from '../../common/node-id.js';
import type { Conduct } from './conduct.js';
import type { RandomSource } from '../mesh-io.js';
import type { Notices } from '../notices.js';
import { encodeControl } from '../wire/control-message.js';
import type { Revocation } from '../wire/revocation.js';
import type { PeerTable } from './peer-table.js';
import type { LearnedRevocation, Revocations } from './revocations.js';

export interface RevocationSpreadDeps {
  readonly ownId: NodeId;
  readonly revocations: Revocations;
  readonly peerTable: PeerTable;
  readonly random: RandomSource;
  readonly conduct: Conduct;
  readonly notices: Notices;
  send(peer: NodeId, bytes: Uint8Array): void;
}

export class RevocationSpread {
  readonly #deps: RevocationSpreadDeps;

  constructor(deps: RevocationSpreadDeps) {
    this.#deps = deps;
  }

  /** The operator of this node decides. */
  decide(node: NodeId, isRevoked: boolean, nowMs: number): void {
    const { revocations, peerTable } = this.#deps;
    const name = peerTable.members.get(node)?.name ?? revocations.nameOf(node) ?? '';
    this.#carryOut(revocations.decide(node, name, isRevoked, nowMs), null, nowMs);
  }

  /** Decisions that a peer knows. */
  receive(encoded: readonly Uint8Array[], from: NodeId, nowMs: number): void {
    for (const bytes of encoded) this.#carryOut(this.#deps.revocations.learn(bytes, nowMs), from, nowMs);
  }

  /** Tells a peer some of the decisions that this node knows, beside a digest. */
  remind(peer: NodeId): void {
    const { revocations, random } = this.#deps;
    if (revocations.size === 0) return;
    const encoded = revocations.sample(random.fraction());
    this.#deps.send(peer, encodeControl({ type: 'revocations', revocations: encoded }));
  }

  #carryOut(learned: LearnedRevocation, from: NodeId | null, nowMs: number): void {
    const { conduct, peerTable } = this.#deps;
    if (learned.type === 'old') return;
    if (learned.type !== 'new') {
      if (from !== null) conduct.refused(from, 'revocationRefused', nowMs);
      return;
    }
    const { revocation } = learned;
    this.#pass(revocation, from);
    this.#tellPeople(revocation, nowMs);
    if (revocation.node !== this.#deps.ownId) {
      if (revocation.isRevoked) peerTable.expel(revocation.node, nowMs);
      else peerTable.members.pardon(revocation.node);
    }
    peerTable.stampsChanged();
  }

  /**
   * To all neighbours: of 30 nodes that each tell 6 of theirs, one learns of it by chance with the next digests in one case of 60.
   * The node itself is told too, so that its log and its status say why it has no links.
   */
  #pass({ node, bytes }: Revocation, from: NodeId | null): void {
    const { peerTable } = this.#deps;
    const receivers = new Set(peerTable.neighbourhood.linked());
    if (peerTable.peers.get(node)?.isLinked === true) receivers.add(node);
    if (from !== null) receivers.delete(from);
    const message = encodeControl({ type: 'revocations', revocations: [bytes] });
    for (const peer of receivers) this.#deps.send(peer, message);
  }

  #tellPeople({ node, name, issuer, isRevoked }: Revocation, nowMs: number): void {
    const { notices, peerTable, ownId } = this.#deps;
    const issuerName = issuer === ownId ? 'this node' : (peerTable.members.get(issuer)?.name ?? '');
    const fields = { node, name, issuer, issuerName };
    if (!isRevoked) return notices.write('warn', 'revocation lifted: the node may link again', nowMs, node, fields);
    if (node !== ownId) return notices.write('warn', 'node revoked: it has no link and no claim', nowMs, node, fields);
    notices.write(
      'error',
      'this node was revoked: the others refuse it until `meshctl forget --undo`',
      nowMs,
      node,
      fields,
    );
  }
}
