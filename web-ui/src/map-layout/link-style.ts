/** How throughput looks on a link: width, and speed of the moving dashes. Logarithmic, for rates span six decades. Pure. */

/** Below this a link is idle: probes and gossip, not traffic. */
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

/** Time in which a dash moves on to the place of the next, or null when nothing flows. In steps, so that it rarely changes. */
export function flowPeriodMs(bitsPerSecond: number): number | null {
  const share = activity(bitsPerSecond);
  if (share === 0) return null;
  const steps = Math.round(share * 8) / 8;
  return Math.round(SLOWEST_MS - (SLOWEST_MS - FASTEST_MS) * steps);
}
