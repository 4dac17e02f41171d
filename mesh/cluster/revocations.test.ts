import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { MAX_REVOCATION_AHEAD_MS, MAX_REVOKED_PER_ISSUER } from '../limits.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { ClusterKeys } from '../wire/cluster-keys.js';
import { ClusterSecrets } from '../wire/cluster-secrets.js';
import { generateIdentity } from '../wire/identity.js';
import { readRevocation, signRevocation } from '../wire/revocation.js';
import { Revocations } from './revocations.js';

const SECRET = new Uint8Array(32).fill(1);
const NOW_MS = 1_000_000;
const random = new SeededRandom(5);
const NEWER_SECRET = new Uint8Array(32).fill(2);
const keys = new ClusterKeys(SECRET);
let secrets = new ClusterSecrets([SECRET]);
beforeEach(() => void (secrets = new ClusterSecrets([SECRET])));
const [own, other, third] = [1, 2, 3].map(() => generateIdentity(random));
const node = (i: number) => i.toString(16).padStart(32, '0') as NodeId;

function revocations(mayDecide = true): Revocations {
  return new Revocations({ identity: own!, secrets, wallClockMs: () => NOW_MS, mayDecide: () => mayDecide });
}

function decision(by = other!, about: NodeId = node(1), isRevoked = true, atMs = NOW_MS, under = keys): Uint8Array {
  return signRevocation(by, under, { node: about, name: 'n1', isRevoked, atMs }).bytes;
}

describe('a revocation', () => {
  it('is read as it was signed, and shows the node on which it was decided', () => {
    const read = readRevocation(decision(), secrets);
    expect(read).toMatchObject({ node: node(1), name: 'n1', isRevoked: true, atMs: NOW_MS, issuer: other!.id });
  });

  it('of somebody without the cluster secret is none, nor is one with a changed byte', () => {
    const stranger = new ClusterKeys(new Uint8Array(32).fill(9));
    expect(revocations().learn(decision(other, node(1), true, NOW_MS, stranger), 0).type).toBe('malformed');
    const bytes = decision();
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at] = changed[at]! ^ 1;
      const known = revocations();
      expect(known.learn(changed, 0).type).toBe('malformed');
      expect(known.inForce()).toEqual([]);
    }
  });
});

describe('the revocations that a node knows', () => {
  it('follow the latest decision, whoever made it', () => {
    const known = revocations();
    expect(known.learn(decision(), 0).type).toBe('new');
    expect(known.isRevoked(node(1))).toBe(true);
    expect(known.learn(decision(), 0).type).toBe('old');
    expect(known.learn(decision(third, node(1), false, NOW_MS + 1), 0).type).toBe('new');
    expect(known.isRevoked(node(1))).toBe(false);
    expect(known.learn(decision(), 0).type).toBe('old');
    expect(known.decide(node(1), 'n1', true, 0).type).toBe('new');
    expect(known.inForce()).toMatchObject([{ issuer: own!.id, atMs: NOW_MS + 2 }]);
  });

  it('take no decision about its own maker, of a newcomer, of a revoked node, or from the future', () => {
    const known = revocations();
    const refused = (bytes: Uint8Array, on = known) => expect(on.learn(bytes, 0).type).toBe('notEntitled');
    refused(decision(other, other!.id));
    refused(decision(), revocations(false));
    refused(decision(other, node(1), true, NOW_MS + MAX_REVOCATION_AHEAD_MS + 1));
    known.learn(decision(third, other!.id), 0);
    refused(decision(other, node(1), true, NOW_MS + 1));
    expect(known.learn(decision(other, node(1), true, NOW_MS - 1), 0).type).toBe('new');
  });

  it(`keep at most ${MAX_REVOKED_PER_ISSUER} nodes out for one node, which may lift some of them again`, () => {
    const known = revocations();
    for (let i = 1; i <= MAX_REVOKED_PER_ISSUER; i++) expect(known.learn(decision(other, node(i)), 0).type).toBe('new');
    expect(known.learn(decision(other, node(99)), 0).type).toBe('tooMany');
    expect(known.learn(decision(third, node(99)), 0).type).toBe('new');
    expect(known.learn(decision(other, node(1), false, NOW_MS + 1), 0).type).toBe('new');
    expect(known.learn(decision(other, node(98)), 0).type).toBe('new');
  });

  it('do not grow by liftings of what was never revoked', () => {
    const known = revocations();
    expect(known.learn(decision(other, node(1), false), 0).type).toBe('old');
    expect(known.encoded()).toEqual([]);
  });

  it('outlive a rotation of the secret, and not another secret', () => {
    const known = revocations();
    known.learn(decision(), 0);
    for (const next of [[SECRET, NEWER_SECRET], [NEWER_SECRET]]) {
      expect(known.secretsReplaced(secrets.replace(next))).toEqual([]);
    }
    expect(known.isRevoked(node(1))).toBe(true);
    const newcomer = new Revocations({
      identity: own!,
      secrets: new ClusterSecrets([NEWER_SECRET]),
      wallClockMs: () => NOW_MS,
      mayDecide: () => true,
    });
    expect(newcomer.learn(known.encoded()[0]!, 0)).toMatchObject({ type: 'new', revocation: { issuer: other!.id } });
    expect(newcomer.learn(decision(other, node(2)), 0).type).toBe('malformed');
    expect(known.secretsReplaced(secrets.replace([SECRET]))).toEqual([node(1)]);
    expect(known.isRevoked(node(1))).toBe(false);
  });

  it('are the same after a restart, except what another secret signed', () => {
    const known = revocations();
    const stranger = new ClusterKeys(new Uint8Array(32).fill(9));
    known.recall([decision(), decision(other, node(2), true, NOW_MS, stranger), Uint8Array.of(1)]);
    expect(known.inForce().map(({ node }) => node)).toEqual([node(1)]);
  });
});
