/** Label selector of the Kubernetes API (`meta/v1.LabelSelector`): requirements that all have to hold. An empty one matches all. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

export type Labels = Readonly<Record<string, string>>;

export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

export interface LabelSelector {
  readonly requirements: readonly Requirement[];
}

const OPERATORS: readonly string[] = ['In', 'NotIn', 'Exists', 'DoesNotExist'] satisfies Operator[];

export const LabelSelectorSchema = Type.Object({
  matchLabels: Type.Optional(Type.Record(Type.String(), Type.String())),
  matchExpressions: Type.Optional(
    Type.Array(
      Type.Object({
        key: Type.String(),
        operator: Type.String(),
        values: Type.Optional(Type.Array(Type.String())),
      }),
    ),
  ),
});

/** @param problem is told of a requirement that cannot be read; null is returned then */
export function readLabelSelector(
  written: Static<typeof LabelSelectorSchema>,
  problem: (text: string) => void,
): LabelSelector | null {
  const equal = Object.entries(written.matchLabels ?? {}).map(([key, value]): Requirement => ({
    key,
    operator: 'In',
    values: [value],
  }));
  const expressions = written.matchExpressions ?? [];
  const unreadable = expressions.filter(({ operator, values = [] }) => !isReadable(operator, values));
  for (const { key, operator, values = [] } of unreadable) {
    problem(
      OPERATORS.includes(operator)
        ? `operator ${operator} of label "${key}" has ${values.length} values (expected ${operator.endsWith('In') ? 'at least one' : 'none'})`
        : `unknown operator "${operator}" of label "${key}" (expected ${OPERATORS.join(', ')})`,
    );
  }
  if (unreadable.length > 0) return null;
  const readable = expressions.map(({ key, operator, values = [] }) => ({
    key,
    operator: operator as Operator,
    values: [...values],
  }));
  return { requirements: [...equal, ...readable] };
}

export function selectorMatches({ requirements }: LabelSelector, labels: Labels): boolean {
  return requirements.every((requirement) => isMet(requirement, labels));
}

function isReadable(operator: string, values: readonly string[]): boolean {
  if (!OPERATORS.includes(operator)) return false;
  return operator.endsWith('In') ? values.length > 0 : values.length === 0;
}

/** `NotIn` holds too for an object without the label. */
function isMet({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
