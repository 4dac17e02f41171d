/** Finding of the preflight: one thing that a node needs, whether this host has it, and the line to type where it does not. */

export type Verdict = 'ok' | 'warning' | 'failed';

export interface Finding {
  /** Stable name: `nft`, `ports`, ... */
  readonly check: string;
  /** `failed`: the node would not work. `warning`: it may work, or only in part. */
  readonly verdict: Verdict;
  readonly message: string;
  /** Line for an administrator; null where there is nothing to type. */
  readonly line: string | null;
}

export function met(check: string, message: string): Finding {
  return { check, verdict: 'ok', message, line: null };
}

export function warned(check: string, message: string, line: string | null = null): Finding {
  return { check, verdict: 'warning', message, line };
}

export function failed(check: string, message: string, line: string | null = null): Finding {
  return { check, verdict: 'failed', message, line };
}
