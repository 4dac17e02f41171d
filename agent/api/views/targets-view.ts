/**
 * Targets of this node in the API's form: each configured seed, each member without a link, and each address whose
 * handshakes are refused, with attempts, last answer and cause. Pure.
 */
import type { Target } from '../../../common/api.js';
import type { NodeId } from '../../../common/node-id.js';
import { formatSocketAddress } from '../../../common/address/socket-address.js';
import type { MemberView, RefusedView, SeedView } from '../../../mesh/index.js';

export interface TargetsInput {
  readonly seeds: readonly SeedView[];
  readonly refused: readonly RefusedView[];
  readonly members: readonly MemberView[];
  /** The wall-clock time of a moment on the core's clock. */
  readonly wallTime: (ms: number) => Date;
}

/** There is a link, or none is needed. */
const WELL: readonly Target['state'][] = ['up', 'stale', 'idle'];
const NO_ANSWER = 'no answer: the node is down, its UDP port is blocked, or it has another cluster secret';

export function isWell(state: Target['state']): boolean {
  return WELL.includes(state);
}

/** Seeds first, in their order. Bounded by seeds, members and the core's list of refused addresses. */
export function targetsView(input: TargetsInput): Target[] {
  const view = new TargetsView(input);
  const seeds = input.seeds.map((seed) => view.seed(seed));
  const members = input.members.filter(({ state }) => !isWell(state));
  const shown = new Set(seeds.map(({ address }) => address));
  const missing = members.map((member) => view.member(member)).filter(({ address }) => !shown.has(address));
  const ips = new Set([
    ...input.seeds.map(({ address }) => address.ip),
    ...members.map((member) => member.endpoint?.ip),
  ]);
  const others = input.refused.filter(({ from }) => !ips.has(from.ip));
  return [...seeds, ...missing, ...others.map((refused) => view.other(refused))];
}

class TargetsView {
  readonly #members: ReadonlyMap<NodeId, MemberView>;

  constructor(readonly input: TargetsInput) {
    this.#members = new Map(input.members.map((member) => [member.id, member]));
  }

  seed({ address, member: id, attempts, answer }: SeedView): Target {
    const member = id === null ? undefined : this.#members.get(id);
    const refusal = this.#refusal(address.ip);
    const elsewhere = answer !== null && answer.from.ip !== address.ip ? answer.from : null;
    const isMemberWell = member !== undefined && isWell(member.state);
    const trouble = isMemberWell ? '' : (refusal?.cause ?? member?.reason ?? NO_ANSWER);
    return {
      address: formatSocketAddress(address),
      kind: 'seed',
      node: member?.name ?? null,
      state: isMemberWell || refusal === undefined ? (member?.state ?? 'connecting') : 'refused',
      attempts,
      lastAnswer: this.#time(member?.lastHandshakeMs ?? answer?.atMs ?? null),
      cause: elsewhere === null ? trouble : joined(`answers from ${formatSocketAddress(elsewhere)}`, trouble),
    };
  }

  member(member: MemberView): Target {
    const refusal = member.endpoint === null ? undefined : this.#refusal(member.endpoint.ip);
    return {
      address: member.endpoint === null ? 'unknown' : formatSocketAddress(member.endpoint),
      kind: 'member',
      node: member.name,
      state: refusal === undefined ? member.state : 'refused',
      attempts: refusal?.attempts ?? null,
      lastAnswer: this.#time(member.lastHandshakeMs),
      cause: refusal?.cause ?? member.reason,
    };
  }

  other({ from, cause, attempts }: RefusedView): Target {
    const member = this.input.members.find(({ endpoint }) => endpoint?.ip === from.ip);
    return {
      address: formatSocketAddress(from),
      kind: 'other',
      node: member?.name ?? null,
      state: 'refused',
      attempts,
      lastAnswer: null,
      cause,
    };
  }

  #refusal(ip: string): RefusedView | undefined {
    return this.input.refused.find(({ from }) => from.ip === ip);
  }

  #time(ms: number | null): string | null {
    return ms === null ? null : this.input.wallTime(ms).toISOString();
  }
}

function joined(...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('; ');
}
