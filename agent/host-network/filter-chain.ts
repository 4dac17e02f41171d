/**
 * A chain at the kernel's forward hook, as nft or legacy iptables lists it, and the question where it drops every packet that
 * no rule before accepted: by its policy, or by a rule without a condition, in it or in a chain that it jumps to. Pure.
 */

export interface FilterRule {
  /** Names the rule to the program that deletes it. */
  readonly handle: string;
  readonly comment: string;
  /** Without a condition. */
  readonly matchesAll: boolean;
  readonly verdict: 'accept' | 'drop' | 'return' | 'jump' | 'none';
  /** Chain of the same table, for `jump`. */
  readonly target: string;
  /** Interfaces that a packet must come from. */
  readonly inInterfaces: readonly string[];
}

export interface FilterChain {
  readonly rules: readonly FilterRule[];
  readonly policy: 'accept' | 'drop';
}

/** Rules by chain name: of those that are jumped to without a condition. */
export type JumpTargets = ReadonlyMap<string, readonly FilterRule[]>;

/** The kernel refuses longer ways (NFT_JUMP_STACK_SIZE). */
const MAX_JUMPS = 16;

/** Position of the rule that drops everything; the number of rules when the policy does; null when nothing does. */
export function dropPosition({ rules, policy }: FilterChain, targets: JumpTargets): number | null {
  const position = rules.findIndex((rule) => decides(rule, targets, MAX_JUMPS) !== null);
  if (position < 0) return policy === 'drop' ? rules.length : null;
  const decision = decides(rules[position]!, targets, MAX_JUMPS);
  if (decision === 'return') return policy === 'drop' ? position : null;
  return decision === 'drop' ? position : null;
}

/** Chains that packets come to whatever they are. */
export function unconditionalTargets(rules: readonly FilterRule[]): string[] {
  return rules.filter(({ matchesAll, verdict }) => matchesAll && verdict === 'jump').map(({ target }) => target);
}

/** What becomes of every packet at this rule, or null when some go on behind it. */
function decides(rule: FilterRule, targets: JumpTargets, jumpsLeft: number): 'accept' | 'drop' | 'return' | null {
  const { matchesAll, verdict, target } = rule;
  if (!matchesAll || verdict === 'none') return null;
  if (verdict !== 'jump') return verdict;
  if (jumpsLeft === 0) return null;
  for (const inner of targets.get(target) ?? []) {
    const decision = decides(inner, targets, jumpsLeft - 1);
    if (decision === 'return') return null;
    if (decision !== null) return decision;
  }
  return null;
}
