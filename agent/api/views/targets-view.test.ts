import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../../common/address/socket-address.js';
import type { NodeId } from '../../../common/node-id.js';
import type { MemberView, RefusedView, SeedView } from '../../../mesh/index.js';
import { targetsView } from './targets-view.js';
import type { TargetsInput } from './targets-view.js';

const B = 'b'.repeat(32) as NodeId;
const at = (text: string) => parseSocketAddress(text);
const member = (extra: Partial<MemberView> = {}): MemberView => ({
  id: B,
  name: 'node-b',
  publicKey: new Uint8Array(32),
  secretIds: null,
  version: '0.1.0',
  podCidrs: [],
  endpoint: at('192.0.2.2:6785'),
  relay: null,
  relayReason: null,
  state: 'up',
  reason: 'the peer answers',
  cipher: null,
  rttMs: null,
  mtuBytes: null,
  sinceMs: 0,
  lastHandshakeMs: 3_000,
  ...extra,
});
const seed = (extra: Partial<SeedView> = {}): SeedView => ({
  address: at('192.0.2.2:6785'),
  member: null,
  attempts: 4,
  answer: null,
  ...extra,
});
const refused: RefusedView = {
  from: at('192.0.2.2:6785'),
  cause: 'has another cluster secret: its handshakes have a bad MAC',
  attempts: 9,
  lastMs: 1_000,
};
const view = (input: Partial<TargetsInput>) =>
  targetsView({ seeds: [], refused: [], members: [], wallTime: (ms) => new Date(ms), ...input });

describe('targetsView', () => {
  it('has one line for a seed that is up, without a cause', () => {
    const seeds = [seed({ member: B, answer: { from: at('192.0.2.2:6785'), atMs: 2_000 } })];
    expect(view({ seeds, members: [member()] })).toEqual([
      {
        address: '192.0.2.2:6785',
        kind: 'seed',
        node: 'node-b',
        state: 'up',
        attempts: 4,
        lastAnswer: '1970-01-01T00:00:03.000Z',
        cause: '',
      },
    ]);
  });

  it('counts the attempts towards a seed that never answered, and names what may be wrong', () => {
    const [target] = view({ seeds: [seed()] });
    expect(target).toMatchObject({ state: 'connecting', attempts: 4, lastAnswer: null, node: null });
    expect(target!.cause).toContain('its UDP port is blocked, or it has another cluster secret');
  });

  it('says of a seed whose own handshakes are refused that it has another cluster secret', () => {
    expect(view({ seeds: [seed()], refused: [refused] })).toMatchObject([
      { kind: 'seed', state: 'refused', cause: expect.stringMatching(/^has another cluster secret/) },
    ]);
  });

  it('says where a seed answers from when that is another address', () => {
    const seeds = [seed({ member: B, answer: { from: at('192.0.2.9:6785'), atMs: 2_000 } })];
    const members = [member({ endpoint: at('192.0.2.9:6785') })];
    expect(view({ seeds, members })[0]).toMatchObject({ state: 'up', cause: 'answers from 192.0.2.9:6785' });
  });

  it('lists members without a link and strangers that are refused', () => {
    const down = member({ state: 'down', reason: 'nothing heard for 6 s', endpoint: at('192.0.2.3:6785') });
    const healthy = member({ id: 'c'.repeat(32) as NodeId });
    expect(view({ members: [down, { ...healthy, endpoint: null }], refused: [refused] })).toMatchObject([
      { address: '192.0.2.3:6785', kind: 'member', node: 'node-b', state: 'down', cause: 'nothing heard for 6 s' },
      { address: '192.0.2.2:6785', kind: 'other', node: null, state: 'refused', attempts: 9, lastAnswer: null },
    ]);
  });
});
