/** Style of a link by throughput: width, and speed of the moving dashes. Logarithmic, since rates span six decades. Pure. */

/** Rate below which a link is idle: probes and gossip only. */
const IDLE_BITS_PER_SECOND = 20_000;
const DECADES = 6;
const THINNEST = 1.6;
const THICKEST = 5;
const SLOWEST_MS = 2_400;
const FASTEST_MS = 450;

/** 0 for an idle link, 1 for 20 Gbit/s and more. */
function activity(bitsPerSecond: number): number {
  if (bitsPerSecond <= IDLE_BITS_PER_SECOND) return 0;
  return Math.min(1, Math.log10(bitsPerSecond / IDLE_BITS_PER_SECOND) / DECADES);
}

export function linkWidth(bitsPerSecond: number): number {
  return THINNEST + (THICKEST - THINNEST) * activity(bitsPerSecond);
}

/** Time in which a dash moves by one dash period; null for an idle link. In steps, so that it rarely changes. */
export function flowPeriodMs(bitsPerSecond: number): number | null {
  const share = activity(bitsPerSecond);
  if (share === 0) return null;
  const steps = Math.round(share * 8) / 8;
  return Math.round(SLOWEST_MS - (SLOWEST_MS - FASTEST_MS) * steps);
}
