import { describe, expect, it } from '@jest/globals';
import type { ForwarderEvent } from '../forwarder-messages.js';
import { Forwarder } from '../forwarder.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { IndirectionTable } from '../inside/indirection-table.js';
import { WarmUp } from './warm-up.js';

const QUEUES = 2;

function warmedForwarder(): { forwarder: Forwarder; events: ForwarderEvent[] } {
  const events: ForwarderEvent[] = [];
  const warmUp = new WarmUp(AF_INET6, QUEUES, { first: 0, count: QUEUES });
  const indirection = IndirectionTable.createMemory({ lanes: 1, queuesPerLane: QUEUES });
  const shared = { lane: 0, lanes: 1, indirection, family: AF_INET6, udpGso: true, tapUso: true } as const;
  const options = { ...warmUp.standIns, ...shared };
  const forwarder = new Forwarder(options, {
    commandsWaiting: () => false,
    nextCommand: () => undefined,
    emit: (event) => events.push(event) > 0,
    beat: () => undefined,
    nowMs: () => performance.now(),
  });
  warmUp.run(forwarder);
  return { forwarder, events };
}

describe('WarmUp', () => {
  const { forwarder, events } = warmedForwarder();

  it('runs frames, control messages, handshakes, probes and requests for a session through the forwarder', () => {
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['datagram', 'control', 'probeAnswer', 'sessionConfirmed', 'sessionWanted']),
    );
  });

  it('leaves no peer, session, path or count', () => {
    forwarder.execute({ type: 'report', withPaths: true });
    expect(events.at(-1)).toEqual({
      type: 'report',
      generation: 0,
      drops: {},
      removed: [],
      peers: [],
      hasMore: false,
      paths: [],
      sessions: [],
      refusals: {},
      relays: [],
    });
  });
});
