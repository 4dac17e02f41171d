/** Report of one check: success, problems, figures. */
export interface CheckReport {
  readonly ok: boolean;
  /** One sentence per problem, empty when ok; bounded by {@link MAX_PROBLEMS}. */
  readonly problems: readonly string[];
  /** Set when the check does not apply to this cluster (a single node has no links). */
  readonly notApplicable?: string;
}

const MAX_PROBLEMS = 10;

/** @param problems all problems; the first few are kept */
export function report<F extends object>(problems: readonly string[], figures: F): CheckReport & F {
  return { ok: problems.length === 0, problems: problems.slice(0, MAX_PROBLEMS), ...figures };
}

export function notApplicable(why: string): CheckReport {
  return { ok: true, problems: [], notApplicable: why };
}
