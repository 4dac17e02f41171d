/**
 * Why a frame or datagram was dropped: every reason has a name that a user can look up in `docs/data-path.md`. Append-only:
 * the position is the counter's index.
 */
export const DROP_REASONS = [
  // inside to outside
  'insideTooShort',
  'insideBadVirtioHeader',
  'insideNotIp',
  'insideMulticast',
  'insideSpoofedSource',
  'insideLocalDestination',
  'noRoute',
  'noSession',
  'sessionExhausted',
  'frameTooLarge',
  'sendFailed',
  // outside to inside
  'datagramTooShort',
  'datagramUnknownType',
  'datagramBadFragment',
  'unknownSession',
  'replayed',
  'badTag',
  'reassemblyEvicted',
  'reassemblyMismatch',
  'recordBadLength',
  'recordBadVirtioHeader',
  'recordNotIp',
  'spoofedSource',
  'unknownDestination',
  'tapWriteFailed',
  'tapCongested',
  'controlCongested',
  'malformedProbe',
  'wrongLane',
  'neighbourDiscovery',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Index of each reason in the counter array. */
export const DROP = Object.fromEntries(DROP_REASONS.map((reason, index) => [reason, index])) as Readonly<
  Record<DropReason, number>
>;
