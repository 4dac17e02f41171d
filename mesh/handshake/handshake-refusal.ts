/**
 * Names of the reasons why a handshake datagram is refused. Each is counted under its name with `handshake` in front; the
 * table in `docs/data-path.md` says for each what to do. A refusal sends nothing, except `needsCookie` and `mustWait`, and of what
 * is not read `rateLimited` and `underLoad`, which send a cookie, and `otherVersion` of a response, which sends a confirmation once.
 */
import type { HandshakeFailure } from '../../common/errors.js';
import type { HandshakeType } from '../../common/wire/handshake-datagram.js';
import { TYPE_INITIATION, TYPE_RESPONSE } from '../../common/wire/datagram-header.js';

export const HANDSHAKE_REFUSALS = [
  // Any datagram.
  'malformed',
  'badMac',
  // Initiation, in the order of the checks.
  'ownInitiation',
  'replayed',
  'otherProtocol',
  'crossed',
  'badProof',
  'rateLimited',
  'needsCookie',
  'mustWait',
  'underLoad',
  'noFreeSlot',
  // Response, confirmation and cookie: the handshake that their index names.
  'unknownIndex',
  'expired',
  'superseded',
  'duplicateResponse',
  'badCookie',
  'strayCookie',
  'duplicateCookie',
  // What a Noise message holds, in the order of the checks.
  'tooShort',
  'badKey',
  'badResponseTag',
  'badConfirmationTag',
  'badPayload',
  'otherVersion',
  'badAdvert',
  'badSignature',
  'otherStaticKey',
  'noCommonCipher',
  'otherCipher',
  'otherIdentity',
  // A good message of a node that no session is made with.
  'unexpectedPeer',
  'ownIdentity',
] as const;

export type HandshakeRefusal = (typeof HANDSHAKE_REFUSALS)[number];

/**
 * The refusal for a failure in a message of this type. A good MAC excludes damage and another cluster secret, so a bad tag
 * in an initiation means another prologue or Noise protocol, and in a later message another handshake's keys.
 */
export function refusalOf(failure: HandshakeFailure, type: HandshakeType): HandshakeRefusal {
  if (failure !== 'badTag') return failure;
  if (type === TYPE_INITIATION) return 'otherProtocol';
  return type === TYPE_RESPONSE ? 'badResponseTag' : 'badConfirmationTag';
}
