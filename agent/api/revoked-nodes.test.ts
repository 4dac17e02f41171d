import { describe, expect, it } from '@jest/globals';
import type { Peer, RevokedNode } from '../../common/api.js';
import type { NodeId } from '../../common/node-id.js';
import { readmitNode, revokeNode } from './revoked-nodes.js';

const ID = 'b'.repeat(32);
const AT = '2026-01-01T00:00:00.000Z';

function setUp(isTaken = true) {
  const revoked: RevokedNode[] = [];
  const deps = {
    ownId: 'a'.repeat(32) as NodeId,
    ownName: 'node-a',
    peers: () => [{ id: ID, name: 'node-b' } as Peer],
    revoked: () => revoked,
    decide: (id: NodeId, isRevoked: boolean) => {
      if (!isRevoked) revoked.splice(0);
      else if (isTaken) revoked.push({ id, name: 'node-b', by: 'node-a', at: AT });
    },
  };
  return { deps, revoked };
}

describe("an operator's decision", () => {
  it('is about a peer by its name or id, and lifted by the same', () => {
    const { deps, revoked } = setUp();
    expect(revokeNode('node-b', deps)).toEqual({ id: ID, name: 'node-b', by: 'node-a', at: AT });
    expect(revoked).toHaveLength(1);
    expect(revokeNode(ID, deps)).toEqual(revoked[0]);
    expect(readmitNode('bbbb', deps)).toMatchObject({ name: 'node-b' });
    expect(revoked).toEqual([]);
  });

  it('is refused about this node, about one that nobody knows, and when the mesh core does not take it', () => {
    const { deps } = setUp(false);
    expect(() => revokeNode('node-a', deps)).toThrow('"node-a" is this node');
    expect(() => revokeNode('node-x', deps)).toThrow('no peer has the id');
    expect(() => readmitNode('node-b', deps)).toThrow('no revoked node has the id or name "node-b"');
    expect(() => revokeNode('node-b', deps)).toThrow('was not forgotten');
  });
});
