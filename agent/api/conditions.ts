/**
 * What has to be true for this node to serve pods, and in words what to do about what is not. Pure. The same list answers
 * `/readyz`, `meshctl status` and the question whether a pod may be attached now.
 */
import type { Condition } from '../../common/api.js';
import type { HostProblem } from '../host-network/host-network.js';

export interface NodeFacts {
  readonly routerConnected: boolean;
  readonly podCidrs: readonly string[];
  /** null while nobody has looked. */
  readonly hostProblems: readonly HostProblem[] | null;
  /** Whether the record of pods has been compared with the pods that live. */
  readonly podsReconciled: boolean;
  readonly lostClaims: readonly { readonly cidr: string; readonly winner: string }[];
  readonly seeds: number;
  readonly peersUp: number;
}

/** A condition, and whether the node is unready without it. */
export interface JudgedCondition extends Condition {
  readonly required: boolean;
}

export function judge(facts: NodeFacts): JudgedCondition[] {
  return [
    required('router', routerMessage(facts)),
    required('pod-cidr', podCidrMessage(facts)),
    required('host-network', hostMessage(facts)),
    required('pods', facts.podsReconciled ? '' : 'addresses of running pods are still being collected'),
    required('claims', claimsMessage(facts)),
    // The first node of a cluster has nobody to find, and is as ready as it will ever be.
    { name: 'peers', required: false, ...verdict(peersMessage(facts)) },
  ];
}

export function isReady(conditions: readonly JudgedCondition[]): boolean {
  return conditions.every((condition) => condition.ok || !condition.required);
}

/** Why no pod can be attached now, or null. Lost claims do not matter here: the allocator gives out nothing from them. */
export function attachObstacle(conditions: readonly JudgedCondition[]): string | null {
  const missing = conditions.filter(({ ok, required: needed, name }) => !ok && needed && name !== 'claims');
  return missing.length === 0 ? null : missing.map(({ name, message }) => `${name}: ${message}`).join('; ');
}

function required(name: string, message: string): JudgedCondition {
  return { name, required: true, ...verdict(message) };
}

function verdict(message: string): { ok: boolean; message: string } {
  return { ok: message === '', message };
}

function routerMessage({ routerConnected }: NodeFacts): string {
  return routerConnected ? '' : 'no connection to the router; see the log of meshd for why it does not run';
}

function podCidrMessage({ podCidrs }: NodeFacts): string {
  return podCidrs.length > 0 ? '' : 'this node has no pod CIDR; set podCidrs';
}

function hostMessage({ hostProblems, podCidrs }: NodeFacts): string {
  if (podCidrs.length === 0) return 'waits for a pod CIDR';
  if (hostProblems === null) return 'has not been looked at yet';
  return hostProblems.map(({ part, message }) => `${part}: ${message}`).join('; ');
}

function claimsMessage({ lostClaims }: NodeFacts): string {
  if (lostClaims.length === 0) return '';
  const lost = lostClaims.map(({ cidr, winner }) => `${cidr} also belongs to ${winner}`).join('; ');
  return `${lost}; no new pod gets an address from there: give every node its own podCidrs`;
}

function peersMessage({ seeds, peersUp }: NodeFacts): string {
  return seeds === 0 || peersUp > 0 ? '' : 'no peer answers yet; check the seeds, the UDP port and the cluster secret';
}
