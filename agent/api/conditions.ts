/**
 * Conditions of the node: what must hold for it to serve pods, and for each that does not hold, what to do. Pure. The same
 * list is behind `/readyz`, `meshctl status` and the decision whether a pod may be attached now.
 */
import type { Condition, Verdict } from '../../common/api.js';
import type { EngineStatus } from '../../common/router-port.js';
import type { HostProblem } from '../host-network/host-network.js';
import type { SettingsReport } from '../settings/settings-keeper.js';

export interface NodeFacts {
  readonly routerConnected: boolean;
  /** The router leaves the supervisor's questions unanswered. */
  readonly routerIsSilent: boolean;
  /** Measures of the router's confinement that are not in force, with the reason. */
  readonly unconfined: readonly string[];
  /** null without a router, and from one that does not tell. */
  readonly engine: EngineStatus | null;
  readonly settings: SettingsReport;
  /** Those that new pods get addresses from. */
  readonly podCidrs: readonly string[];
  /** Pod CIDRs that were taken from this node, with the pods that still have addresses from them. */
  readonly withdrawn: readonly { readonly cidr: string; readonly pods: number }[];
  /** null before the first look. */
  readonly hostProblems: readonly HostProblem[] | null;
  /** Sentences about tables of the kernel that are nearly full. */
  readonly fullTables: readonly string[];
  /** What to do about packets that strict reverse path filtering drops, or ''. */
  readonly reversePath: string;
  /** What the underlay's interfaces drop and what to do about it, or ''. */
  readonly underlayDrops: string;
  /** What to do about network policies that cannot be read, or ''. */
  readonly policyWarning: string;
  /** By the setting. */
  readonly policiesAreOff: boolean;
  /** Whether the record of pods has been compared with the pods that live. */
  readonly podsReconciled: boolean;
  /** What keeps the node's state from being written, or null. */
  readonly stateDiskProblem: string | null;
  /** What an operator should know of the installed CNI configuration. */
  readonly cniNotes: readonly string[];
  /** Why a new pod would get no address, or null. */
  readonly addressProblem: string | null;
  readonly lostClaims: readonly { readonly cidr: string; readonly winner: string; readonly why: string }[];
  /** Pod CIDRs of this node that another node claims in vain. */
  readonly wonClaims: readonly { readonly cidr: string; readonly loser: string; readonly why: string }[];
  readonly seeds: number;
  readonly peersUp: number;
  /** Members without a usable link, each with why. */
  readonly peersMissing: readonly { readonly name: string; readonly cause: string }[];
}

/** Missing peers that a message names; `meshctl status` shows all. */
const MAX_NAMED_PEERS = 5;

/** A condition, and whether the node is unready without it. */
export interface EvaluatedCondition extends Condition {
  readonly required: boolean;
}

export function evaluateConditions(facts: NodeFacts): EvaluatedCondition[] {
  return [
    required('router', routerMessage(facts)),
    required('pod-cidr', podCidrMessage(facts)),
    required('host-network', hostMessage(facts)),
    required('pods', facts.podsReconciled ? '' : 'addresses of running pods are still being collected'),
    required('claims', claimsMessage(facts), wonClaimsNote(facts)),
    required('state-disk', stateDiskMessage(facts)),
    // The pods that have all addresses are served.
    optional('addresses', facts.addressProblem ?? ''),
    optional('kernel-tables', facts.fullTables.join('; ')),
    optional('reverse-path', facts.reversePath),
    optional('underlay-drops', facts.underlayDrops),
    optional('network-policies', facts.policyWarning, policyNote(facts)),
    optional('configuration', configurationMessage(facts)),
    optional('router-confinement', confinementMessage(facts)),
    optional('sealing-speed', sealingSpeedMessage(facts)),
    optional('withdrawn-cidrs', withdrawnMessage(facts)),
    noted('cni-configuration', facts.cniNotes.join('; ')),
    // The first node of a cluster finds no peer, and is ready without one.
    optional('peers', peersMessage(facts)),
  ];
}

export function isReady(conditions: readonly EvaluatedCondition[]): boolean {
  return conditions.every((condition) => condition.ok || !condition.required);
}

/** Those that do not hold, by name. */
export function unmetNames(conditions: readonly EvaluatedCondition[]): string[] {
  return conditions.filter(({ ok }) => !ok).map(({ name }) => name);
}

export function verdictOf(conditions: readonly EvaluatedCondition[]): Verdict {
  if (!isReady(conditions)) return 'notReady';
  return conditions.every(({ ok }) => ok) ? 'ok' : 'warning';
}

/** Conditions that ADD does not ask for: it tries, and fails with a code of its own when it cannot. */
const TRIED_BY_ADD = ['claims', 'state-disk', 'addresses'];

/** Why ADD is not even to be tried now, or null. */
export function attachObstacle(conditions: readonly EvaluatedCondition[]): string | null {
  return sentence(conditions.filter(({ ok, required: needed, name }) => !ok && needed && !TRIED_BY_ADD.includes(name)));
}

/** Why ADD of a new pod would fail, or null: for STATUS. A lost claim alone does not matter while another CIDR has room. */
export function statusObstacle(conditions: readonly EvaluatedCondition[]): string | null {
  const matters = ({ required: needed, name }: EvaluatedCondition) =>
    name === 'addresses' || (needed && name !== 'claims');
  return sentence(conditions.filter((condition) => !condition.ok && matters(condition)));
}

function sentence(missing: readonly EvaluatedCondition[]): string | null {
  return missing.length === 0 ? null : missing.map(({ name, message }) => `${name}: ${message}`).join('; ');
}

/** @param note what to know while it is met */
function required(name: string, message: string, note = ''): EvaluatedCondition {
  return { ...optional(name, message, note), required: true };
}

/** @param note what to know while it is met */
function optional(name: string, message: string, note = ''): EvaluatedCondition {
  return { name, required: false, ok: message === '', message: message || note };
}

/** Met whatever the message says, which is the operator's choice. */
function noted(name: string, message: string): EvaluatedCondition {
  return { name, required: false, ok: true, message };
}

function routerMessage({ routerConnected, routerIsSilent }: NodeFacts): string {
  if (!routerConnected) return 'no connection to the router; see the log of meshd for why it does not run';
  return routerIsSilent ? 'the router hangs: it gives the supervisor no answer, and is killed and restarted soon' : '';
}

function confinementMessage({ unconfined }: NodeFacts): string {
  return unconfined.length === 0 ? '' : `the router is not fully confined (docs/security.md): ${unconfined.join('; ')}`;
}

function podCidrMessage({ podCidrs, settings }: NodeFacts): string {
  if (podCidrs.length > 0) return '';
  return `this node has no pod CIDR yet; it waits for ${settings.waitingFor ?? 'podCidrs in its configuration'}`;
}

function hostMessage({ hostProblems }: NodeFacts): string {
  if (hostProblems === null) return 'the first look at the host is not over yet';
  return hostProblems.map(({ part, message }) => `${part}: ${message}`).join('; ');
}

function stateDiskMessage({ stateDiskProblem }: NodeFacts): string {
  return stateDiskProblem === null ? '' : `${stateDiskProblem}; no pod can be attached before that is mended`;
}

function configurationMessage({ settings: { refused, needsRestart } }: NodeFacts): string {
  const parts = refused === null ? [] : [`refused, the settings before stay in force: ${refused.replace(/\s+/g, ' ')}`];
  return [...parts, ...needsRestart].join('; ');
}

function sealingSpeedMessage({ engine }: NodeFacts): string {
  if (engine === null || engine.fasterPackage === null) return '';
  const speed = `the ${engine.name} engine takes ${Math.round(engine.sealNsPerKiB)} ns to seal a KiB`;
  return `${speed}; this processor can do better: apt-get install ${engine.fasterPackage}, then restart meshd`;
}

function withdrawnMessage({ withdrawn }: NodeFacts): string {
  const lost = withdrawn.map(({ cidr, pods }) => `${cidr} (${pods === 1 ? '1 pod' : `${pods} pods`})`);
  if (lost.length === 0) return '';
  return `pods have addresses from CIDRs that this node no longer has: ${lost.join(', ')}; replace these pods`;
}

function policyNote({ policiesAreOff }: NodeFacts): string {
  return policiesAreOff ? 'off by the setting networkPolicies: pods are open to each other' : '';
}

function claimsMessage({ lostClaims }: NodeFacts): string {
  if (lostClaims.length === 0) return '';
  const lost = lostClaims.map(({ cidr, winner, why }) => `${cidr} also belongs to ${winner}, since ${why}`).join('; ');
  return `${lost}; no new pod gets an address from there: give every node its own podCidrs`;
}

function wonClaimsNote({ wonClaims }: NodeFacts): string {
  return wonClaims.map(({ cidr, loser, why }) => `${loser} also claims ${cidr}, and loses, since ${why}`).join('; ');
}

function peersMessage({ seeds, peersUp, peersMissing }: NodeFacts): string {
  const named = peersMissing.slice(0, MAX_NAMED_PEERS).map(({ name, cause }) => `no link to ${name} (${cause})`);
  const more = peersMissing.length - named.length;
  const missing = [...named, ...(more > 0 ? [`and to ${more} more`] : [])].join(', ');
  if (peersUp > 0 || seeds === 0) return missing;
  return `${missing || 'no peer answers yet'}; check the seeds, the UDP port and the cluster secret`;
}
