/** Verdict on the node, and its text in the header. Pure. */
import type { Status, Verdict } from '../../../common/api.js';
import { plural } from '../format.js';

/** An agent of an earlier version sends no verdict. */
export function verdictOf({ verdict, ready }: Status): Verdict {
  return verdict ?? (ready ? 'ok' : 'notReady');
}

export function pillText(status: Status): string {
  const failed = status.conditions.filter(({ ok }) => !ok);
  const missing = failed.filter(({ required }) => required !== false).length;
  switch (verdictOf(status)) {
    case 'ok':
      return 'Ready';
    case 'warning':
      return `Ready · ${plural(failed.length, 'warning')}`;
    case 'notReady':
      return missing === 0 ? 'Not ready' : `Not ready · ${missing} missing`;
  }
}
