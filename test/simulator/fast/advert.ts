/**
 * Stand-in for `mesh/wire/advert.ts` in simulations of many nodes: adverts of the same bytes are one object, decoded and
 * verified once, since N nodes hold N adverts each.
 */
import { readAdvert as decode, verifyAdvert as verify } from '../../../mesh/wire/advert.js';
import type { Advert, UnverifiedAdvert } from '../../../mesh/wire/advert.js';

export { signAdvert } from '../../../mesh/wire/advert.js';
export type { Advert, AdvertStamp, UnverifiedAdvert } from '../../../mesh/wire/advert.js';

/** Kept at the object itself: a weak map of millions of them makes every garbage collection longer. */
const READ = Symbol('read');
const VERIFIED = Symbol('verified');

type Encoded = Uint8Array & { [READ]?: UnverifiedAdvert };
type Unverified = UnverifiedAdvert & { [VERIFIED]?: Advert | null };

/** By their bytes. Bounded by the adverts that the nodes of one simulation sign. */
const decoded = new Map<string, UnverifiedAdvert>();

export function readAdvert(bytes: Uint8Array): UnverifiedAdvert {
  // Most copies share the array.
  return ((bytes as Encoded)[READ] ??= internedAdvert(bytes));
}

function internedAdvert(bytes: Uint8Array): UnverifiedAdvert {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const known = decoded.get(key);
  if (known !== undefined) return known;
  const advert = decode(bytes);
  decoded.set(key, advert);
  return advert;
}

export function verifyAdvert(unverified: UnverifiedAdvert): Advert | null {
  const interned: Unverified = unverified;
  const known = interned[VERIFIED];
  if (known !== undefined) return known;
  return (interned[VERIFIED] = verify(unverified));
}
