/**
 * Reasons to drop a frame or datagram, by the names that `docs/data-path.md` explains. Append-only: the position is the index
 * of the counter.
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
  'noReceiveContext',
  'congestedNotEct',
  // inside to outside
  'waitingFull',
  // in envelopes of relays
  'relayUnknownChannel',
  'relayWrongToken',
  'relayWrongSource',
  'relayNested',
  'relayOverRate',
  'relayEndGone',
  // outside to inside, before the keys of their session
  'earlyFull',
  'earlyExpired',
  // inside to outside
  'notHeard',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Index of each reason in the counter array. */
export const DROP = Object.fromEntries(DROP_REASONS.map((reason, index) => [reason, index])) as Readonly<
  Record<DropReason, number>
>;
