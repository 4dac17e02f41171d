import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import type { NodeId } from '../../common/node-id.js';
import { MAX_NOTICES_PER_INTERVAL, NOTICES_OF_EACH_MESSAGE } from '../limits.js';
import { Notices } from '../notices.js';
import type { Notice } from '../notices.js';
import type { Advert } from '../wire/advert.js';
import { Claims } from './claims.js';
import type { ClaimsDeps } from './claims.js';

const CLUSTER = parseCidr('10.0.0.0/8');
const idOf = (n: number) => n.toString(16).padStart(32, '0') as NodeId;
const [OWN, MET] = [idOf(1), idOf(2)];

/** A claim of the n-th node, of which the lower is the older one. */
const advertOf = (n: number, cidr: string) =>
  ({ id: idOf(n), name: `node ${n}`, podCidrs: [parseCidr(cidr)], createdAtMs: n }) as unknown as Advert;

/** Notices of a node that was never told of these members before. */
function noticesOf(own: Advert, others: readonly Advert[]): Notice[] {
  const said: Notice[] = [];
  const members = new Map(others.map((advert) => [advert.id, advert]));
  const known = {
    ownId: OWN,
    self: { current: own },
    members: { get: (id: NodeId) => members.get(id), ids: () => members.keys() },
    peers: new Map(),
    isProven: (id: NodeId) => id === MET,
    witness: { claimsSinceMs: ({ createdAtMs }: Advert) => createdAtMs },
    authority: { isNeeded: false },
  };
  const nothing = (): void => undefined;
  const notices = new Notices((notice) => said.push(notice));
  const deps = { ...known, notices, claimedOutside: nothing, open: nothing } as unknown as ClaimsDeps;
  const claims = new Claims(deps, [CLUSTER]);
  claims.allChanged();
  claims.updateAndTell(0);
  return said;
}

describe('notices of claims that do not count', () => {
  it('tell of this node and of those that it has met, though invented nodes take their addresses and many others', () => {
    const invented = Array.from({ length: 400 }, (_, i) => advertOf(1000 + i, `10.${i >> 1}.0.0/24`));
    const takers = [
      { ...advertOf(2000, '10.251.0.0/24'), createdAtMs: -1 },
      { ...advertOf(2001, '10.252.0.0/24'), createdAtMs: -1 },
    ];
    const others = [...invented, ...takers, advertOf(2, '10.252.0.0/24')];
    const said = noticesOf(advertOf(1, '10.251.0.0/24'), others);
    const losers = said.map(({ fields }) => fields['loser']);
    expect(losers).toEqual(expect.arrayContaining([OWN, MET]));
    expect(said.length).toBeLessThanOrEqual(MAX_NOTICES_PER_INTERVAL + NOTICES_OF_EACH_MESSAGE + 2);
  });
});
