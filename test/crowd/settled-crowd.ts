/**
 * Parts of the members of a crowd that is a cluster which has run for long: all know each other. What the node under test can
 * see of it takes few members that run, since it has links with its neighbours alone:
 *
 *   whole   the node's neighbours: whole members, which know all others and gossip with the node
 *   near    neighbours of those: they know only them, and do not gossip, so their other links are left out
 *   far     all others: adverts, and an answer to who dials them; nobody does while no frames pass
 */
import type { NodeId } from '../../common/node-id.js';
import { generateIdentity, secretIdOf } from '../../mesh/index.js';
import type { NodeIdentity, RandomSource } from '../../mesh/index.js';
import { neighboursAmong } from '../../mesh/cluster/rings.js';
import { signAdvert } from '../../mesh/wire/advert.js';
import { describeMember } from './crowd-member.js';
import type { CrowdSettings, MemberPart } from './crowd-member.js';
import type { MemberPlan } from './crowd-plan.js';

export type Distance = 'whole' | 'near' | 'far';

export interface SettledPart extends MemberPart {
  readonly distance: Distance;
}

/** Since when the members are there. */
const AGE_MS = 3_600_000;

/** @param node that the crowd meets @returns in the order of the plans */
export function settledParts(
  plans: readonly MemberPlan[],
  node: NodeId,
  settings: CrowdSettings,
  { random, nowMs }: { readonly random: RandomSource; readonly nowMs: number },
): SettledPart[] {
  const identities = plans.map(() => generateIdentity(random));
  const places = distances(
    identities.map(({ id }) => id),
    node,
  );
  const stamp = { createdAtMs: nowMs - AGE_MS, revision: nowMs - AGE_MS, incarnation: 1, lowestStamp: 0 };
  const secretIds = [secretIdOf(settings.clusterSecret)];
  const advertOf = (identity: NodeIdentity, i: number): Uint8Array =>
    signAdvert(identity, describeMember(plans[i]!, settings.port), { ...stamp, secretIds }).bytes;
  const adverts = identities.map(advertOf);
  return identities.map((identity) => {
    const { distance, knows } = places.get(identity.id)!;
    const isWhole = distance === 'whole';
    const knownAdverts = isWhole ? adverts : adverts.filter((_, i) => knows.has(identities[i]!.id));
    return {
      identity,
      distance,
      knownAdverts,
      seeds: isWhole ? settings.seeds : [],
      gossips: isWhole,
      isMute: distance === 'far',
    };
  });
}

interface Place {
  readonly distance: Distance;
  /** Whole members that a near one is a neighbour of. */
  readonly knows: Set<NodeId>;
}

function distances(ids: readonly NodeId[], node: NodeId): Map<NodeId, Place> {
  const places = new Map<NodeId, Place>(ids.map((id) => [id, { distance: 'far', knows: new Set() }]));
  const all = [...ids, node];
  const wholes = neighboursAmong(node, () => all);
  for (const whole of wholes) {
    // It knows the node a moment later than the others.
    const neighbours = [...neighboursAmong(whole, () => all), ...neighboursAmong(whole, () => ids)];
    for (const near of neighbours.filter((id) => id !== node && !wholes.has(id))) {
      const knows = places.get(near)!.knows.add(whole);
      places.set(near, { distance: 'near', knows });
    }
  }
  for (const whole of wholes) places.set(whole, { distance: 'whole', knows: new Set() });
  return places;
}
