/** Agreement of oracle, decision and compiled table about flows of a cluster, all of whose pods are taken as pods of this node. */
import { parseIpAddress } from '../../common/address/ip-address.js';
import { Cluster } from '../cluster.js';
import { decide } from '../decision.js';
import type { Flow } from '../decision.js';
import { parseClusterPolicy } from '../objects/cluster-policy-parser.js';
import { parseNetworkPolicy } from '../objects/network-policy-parser.js';
import { parseNamespace, parsePod } from '../objects/pod.js';
import type { Protocol } from '../objects/pod.js';
import { PolicyCompiler } from '../table/policy-compiler.js';
import { oracleAllows } from './oracle.js';
import type { ApiObjects, OracleFlow } from './oracle.js';
import { randomFlow } from './random-cluster.js';
import type { Dice } from './random-cluster.js';
import { tableAllows } from './table-interpreter.js';

const FLOWS = 8;

export interface Answers {
  readonly flow: Flow;
  readonly oracle: boolean;
  readonly decision: boolean;
  readonly table: boolean;
}

export function compilerOf({ namespaces, pods, policies, clusterPolicies = [] }: ApiObjects): PolicyCompiler {
  const compiler = new PolicyCompiler(new Cluster());
  for (const policy of clusterPolicies) compiler.putClusterPolicy(parseClusterPolicy(policy));
  for (const policy of policies) compiler.putPolicy(parseNetworkPolicy(policy));
  for (const pod of pods) compiler.putPod(parsePod(pod));
  for (const namespace of namespaces) compiler.putNamespace(parseNamespace(namespace));
  attachAll(compiler);
  return compiler;
}

export function attachAll(compiler: PolicyCompiler): void {
  const pods = [...compiler.cluster.pods()].filter(({ hostNetwork, isOver }) => !hostNetwork && !isOver);
  compiler.setLocalPods(
    pods.map(({ namespace, name, uids, ips }) => ({ pod: { namespace, name, uid: uids[0] ?? null }, ips })),
  );
}

/** What the three say of some flows. */
export function answersOf(dice: Dice, objects: ApiObjects, compiler: PolicyCompiler): Answers[] {
  const table = compiler.compile();
  return Array.from({ length: FLOWS }, () => randomFlow(dice, objects)).map((written) => {
    const flow = asFlow(written);
    return {
      flow,
      oracle: oracleAllows(objects, written),
      decision: decide(compiler.cluster, flow).allowed,
      table: tableAllows(table, flow),
    };
  });
}

/** Those about which the three do not say the same. */
export function disagreements(answers: readonly Answers[]): Answers[] {
  return answers.filter(({ oracle, decision, table }) => oracle !== decision || oracle !== table);
}

export function asFlow({ source, destination, protocol, port }: OracleFlow): Flow {
  return {
    source: parseIpAddress(source),
    destination: parseIpAddress(destination),
    protocol: protocol as Protocol,
    port,
  };
}
