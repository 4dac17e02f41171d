import { describe, expect, it } from '@jest/globals';
import { signAdvert } from '../wire/advert.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';
import { AdvertMap } from './member-maps.js';
import { Membership } from './membership.js';
import { SeededRandom } from '../testing/seeded-random.js';

const [own, other] = [generateIdentity(new SeededRandom(1)), generateIdentity(new SeededRandom(2))];
const advertOf = (identity: NodeIdentity, revision: number) =>
  signAdvert(
    identity,
    { name: `r${revision}`, version: '1', endpoints: [], podCidrs: [], podMtuBytes: null },
    { createdAtMs: 1, revision, incarnation: 1, lowestStamp: 0 },
  );

describe('membership', () => {
  it('keeps the newest advert of each node, in whatever order they come', () => {
    const members = new Membership(own.id);
    expect(members.learnEncoded(advertOf(other, 5).bytes).type).toBe('new');
    expect(members.learnEncoded(advertOf(other, 4).bytes).type).toBe('old');
    expect(members.learnEncoded(advertOf(other, 5).bytes).type).toBe('old');
    expect(members.learnEncoded(advertOf(other, 6).bytes)).toMatchObject({ type: 'new', before: { revision: 5 } });
    expect(members.get(other.id)?.name).toBe('r6');
  });

  it('takes no advert that is not signed by its node', () => {
    const members = new Membership(own.id);
    const forged = new Uint8Array(advertOf(other, 5).bytes);
    forged[forged.length - 1]! ^= 1;
    expect(members.learnEncoded(forged).type).toBe('badSignature');
    expect(members.learnEncoded(new Uint8Array(9)).type).toBe('invalid');
    expect(members.size).toBe(0);
  });

  it('knows a copy by all of its bytes, and by them alone', () => {
    const adverts = new AdvertMap();
    const { bytes, ...advert } = advertOf(other, 5);
    const copy = new Uint8Array(bytes);
    const changed = new Uint8Array(bytes);
    changed[bytes.length - 1]! ^= 1;
    const holds = () => [copy, changed, new Uint8Array(9)].map((of) => adverts.holds(of));
    expect(holds()).toEqual([false, false, false]);
    adverts.set(other.id, { ...advert, bytes });
    expect(holds()).toEqual([true, false, false]);
    adverts.set(other.id, advertOf(other, 6));
    expect(holds()).toEqual([false, false, false]);
    adverts.delete(other.id);
    expect(adverts.holds(advertOf(other, 6).bytes)).toBe(false);
  });

  it('recognizes an advert under its own id', () => {
    expect(new Membership(own.id).learnEncoded(advertOf(own, 1).bytes).type).toBe('self');
  });

  it('learns a forgotten member again only from a newer advert', () => {
    const members = new Membership(own.id);
    members.learnEncoded(advertOf(other, 5).bytes);
    members.forget(other.id);
    expect(members.size).toBe(0);
    expect(members.isNewer({ id: other.id, revision: 5 })).toBe(false);
    expect(members.learnEncoded(advertOf(other, 5).bytes).type).toBe('old');
    expect(members.learnEncoded(advertOf(other, 6).bytes).type).toBe('new');
  });
});
