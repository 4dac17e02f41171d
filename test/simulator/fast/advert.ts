/**
 * Stand-in for `mesh/wire/advert.ts` in simulations of many nodes: adverts of the same bytes are one object, decoded and
 * verified once, since N nodes hold N adverts each.
 */
import { readAdvert as decode, verifyAdvert as verify } from '../../../mesh/wire/advert.js';
import type { Advert, UnverifiedAdvert } from '../../../mesh/wire/advert.js';

export { signAdvert } from '../../../mesh/wire/advert.js';
export type { Advert, AdvertStamp, UnverifiedAdvert } from '../../../mesh/wire/advert.js';

/** By the array, which most copies share. */
const read = new WeakMap<Uint8Array, UnverifiedAdvert>();
/** By their bytes. Bounded by the adverts that the nodes of one simulation sign. */
const decoded = new Map<string, UnverifiedAdvert>();
const verified = new WeakMap<UnverifiedAdvert, Advert | null>();

export function readAdvert(bytes: Uint8Array): UnverifiedAdvert {
  let advert = read.get(bytes);
  if (advert === undefined) read.set(bytes, (advert = internedAdvert(bytes)));
  return advert;
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
  const known = verified.get(unverified);
  if (known !== undefined) return known;
  const advert = verify(unverified);
  verified.set(unverified, advert);
  return advert;
}
