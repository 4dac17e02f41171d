import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { Names } from './names.js';

const [a, b, c] = ['a', 'b', 'c'] as NodeId[] as [NodeId, NodeId, NodeId];

describe('names', () => {
  it('give all members of a name, whoever of them goes', () => {
    for (const gone of [a, b, c]) {
      const names = new Names();
      for (const id of [a, b, c, a]) names.add('node', id);
      expect(names.idsOf('node').sort()).toEqual([a, b, c]);
      names.delete('node', gone);
      expect(names.idsOf('node').sort()).toEqual([a, b, c].filter((id) => id !== gone));
      names.add('node', gone);
      for (const id of [a, b, c]) names.delete('node', id);
      expect(names.idsOf('node')).toEqual([]);
    }
  });

  it('ignore the end of a name that the member does not have', () => {
    const names = new Names();
    names.add('node', a);
    names.delete('node', b);
    names.delete('other', a);
    expect(names.idsOf('node')).toEqual([a]);
  });
});
