/** Isolation of a pod by network policies in one direction, in lines for people. */
import type { PodDirection } from '../../../common/api.js';

export interface Isolation {
  readonly state: 'open' | 'isolated' | 'denied';
  /** What may pass, a line for each rule; the policies that isolate without a rule. */
  readonly lines: readonly string[];
}

/** @param known false for a pod that the API server has not told of */
export function isolationOf({ isolated, policies: names, rules }: PodDirection, known: boolean): Isolation {
  if (!known) return { state: 'denied', lines: ['nobody, until the API server tells of the pod'] };
  const told = rules.map(
    ({ policy, ports, peers, action }) => `${policy}: ${action === undefined ? '' : `${action} `}${ports}, ${peers}`,
  );
  if (!isolated) {
    return rules.length === 0 ? { state: 'open', lines: [] } : { state: 'isolated', lines: [...told, 'everyone else'] };
  }
  const silent = names.filter((name) => !rules.some(({ policy }) => policy === name));
  return {
    state: rules.length > 0 ? 'isolated' : 'denied',
    lines: [...told, ...silent.map((name) => `${name}: nobody`)],
  };
}
