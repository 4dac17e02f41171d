/**
 * Fragment that was received: what its header says, and where its bytes are. Nothing of it is authentic before its unit was
 * opened. One per receiver, overwritten for every datagram: nothing is allocated per datagram.
 */
import { NOT_ECT } from '../packet/congestion-mark.js';
import type { UnitBinding } from '../../common/wire/sealed-unit.js';

export interface Fragment extends UnitBinding {
  type: number;
  lane: number;
  fragments: number;
  counter: number;
  /** Number of the fragment in its unit. */
  number: number;
  /** Length of the sealed unit with its tag. */
  unitBytes: number;
  /** Slot of the session that its index names, and receive context of its lane. */
  session: number;
  context: number;
  /** Arena offset of its bytes, and how many. */
  at: number;
  bytes: number;
  /** Arena offset of the socket address that sent it. */
  sender: number;
  /** ECN field of the IP header of its datagram (`packet/congestion-mark.ts`). */
  mark: number;
}

export function createFragment(): Fragment {
  const place = { session: 0, context: 0, at: 0, bytes: 0, sender: 0, mark: NOT_ECT };
  return { type: 0, lane: 0, fragments: 0, counter: 0, number: 0, unitBytes: 0, ...place };
}
