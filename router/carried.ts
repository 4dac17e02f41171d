/** What a forwarding thread has carried since its start. */

/**
 * Running totals begin here, as only their differences count. V8 keeps a field as a small integer until a value needs more, and
 * then discards all compiled code that knew the object: with totals from 0 that is after 2 GiB, in the middle of a stream.
 */
export const NOTHING_CARRIED = 2 ** 32;

/** Totals, and whether the last batch left frames behind. */
export interface Carried {
  bytes: number;
  framesFromInside: number;
  framesFromOutside: number;
  moreWaits: boolean;
}

export function createCarried(): Carried {
  return {
    bytes: NOTHING_CARRIED,
    framesFromInside: NOTHING_CARRIED,
    framesFromOutside: NOTHING_CARRIED,
    moreWaits: false,
  };
}
