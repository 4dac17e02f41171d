import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import type { NodeId } from '../../common/node-id.js';
import { Deaths } from './deaths.js';
import { DEATH_DOUBTED_AFTER_MS } from '../limits.js';
import { Membership } from './membership.js';
import { Notices } from '../notices.js';
import { idleLink } from '../peer/link.js';
import type { Dialer } from '../peer/dial.js';
import { Peer } from '../peer/peer.js';
import { SessionSlots } from '../handshake/session-slots.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { signAdvert } from '../wire/advert.js';
import { signDeathReport } from '../wire/death-report.js';
import { generateIdentity } from '../wire/identity.js';
import type { NodeIdentity } from '../wire/identity.js';

const [own, victim, ...observers] = [1, 2, 3, 4].map((seed) => generateIdentity(new SeededRandom(seed)));

function advertOf(identity: NodeIdentity) {
  const endpoints = [parseSocketAddress('192.0.2.7', 6785)];
  const self = { name: identity.id, version: '1', endpoints, podCidrs: [], podMtuBytes: null };
  return signAdvert(identity, self, { createdAtMs: 1, revision: 1, incarnation: 1, lowestStamp: 0 });
}

function idlePeer(id: NodeId): Peer {
  const deps = {
    ownId: own!.id,
    dialer: {} as Dialer,
    slots: new SessionSlots(new SeededRandom(1)),
    random: new SeededRandom(2),
    underlay: { mtuBytes: 1500, ownAddresses: [] },
    emit: () => undefined,
    nextProbeId: () => 1,
    noteLag: () => undefined,
    graceMs: () => 0,
    hasMet: () => true,
    routeAt: () => null,
    channelsTo: () => [],
    carriesOthers: () => false,
    linkChanged: () => undefined,
  };
  return new Peer(deps, id, idleLink(0), 0);
}

/** A node with a victim that two members reported dead at time 0. */
function withReports() {
  const neighbours = new Set(observers.map(({ id }) => id));
  const members = new Membership(own!.id);
  for (const identity of [victim!, ...observers]) members.learn(advertOf(identity));
  const peers = new Map([[victim!.id, idlePeer(victim!.id)]]);
  const renewals = { count: 0 };
  const deaths = new Deaths({
    identity: own!,
    random: new SeededRandom(3),
    conduct: { refused: () => undefined },
    notices: new Notices(() => undefined),
    members,
    peers,
    peerOf: (id) => peers.get(id) ?? null,
    neighbourhood: { ids: neighbours, linked: () => [], neighboursOf: () => neighbours },
    ownAdvert: () => advertOf(own!),
    isTrusted: () => true,
    renewSelf: () => void renewals.count++,
    send: () => undefined,
    advancePeer: () => undefined,
  });
  for (const observer of observers) deaths.receive([signDeathReport(observer, victim!.id, 1)], observer.id, 0);
  return { deaths, neighbours, renewals, stateOf: () => peers.get(victim!.id)!.link.state };
}

describe('reports of a death', () => {
  it('of two neighbours take a member down, for as long as these may report it', () => {
    const { deaths, stateOf } = withReports();
    expect(stateOf()).toBe('down');
    deaths.remind(observers[0]!.id, 2 * DEATH_DOUBTED_AFTER_MS);
    expect(stateOf()).toBe('down');
  });

  it('about this node are answered, also after many in the name of their observer that it did not sign', () => {
    const { deaths, renewals } = withReports();
    const [observer, liar] = observers;
    const forged = { ...signDeathReport(liar!, own!.id, 1), observer: observer!.id };
    for (let i = 0; i < 100; i++) deaths.receive([forged], liar!.id, i);
    expect(renewals.count).toBe(0);
    deaths.receive([signDeathReport(observer!, own!.id, 1)], liar!.id, 100);
    expect(renewals.count).toBe(1);
  });

  it('are void when an observer is no neighbour of the member any more, as after the cluster was divided', () => {
    const { deaths, neighbours, stateOf } = withReports();
    neighbours.delete(observers[1]!.id);
    deaths.remind(observers[0]!.id, DEATH_DOUBTED_AFTER_MS - 1);
    expect(stateOf()).toBe('down');
    deaths.remind(observers[0]!.id, DEATH_DOUBTED_AFTER_MS);
    expect(stateOf()).toBe('idle');
  });
});
