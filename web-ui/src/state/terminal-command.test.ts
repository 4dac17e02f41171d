import { describe, expect, it } from '@jest/globals';
import { fakeNode } from '../testing/fake-mesh.js';
import { commandsFor } from './terminal-command.js';

const id = 'ab'.repeat(16);

describe('commands to paste', () => {
  it('name the peer', () => {
    expect(commandsFor(fakeNode(id, { name: 'node-b.example' }))).toEqual(['meshctl peers node-b.example -o wide']);
  });

  it('show this node by its own commands', () => {
    expect(commandsFor(fakeNode(id, { self: true }))).toEqual(['meshctl status', 'meshctl endpoints -o wide']);
  });

  it.each(['x; reboot', '$(reboot)', '-o', 'a b', '`x`', "a'b"])(
    'never carry a name that a shell would understand: %s',
    (name) => {
      expect(commandsFor(fakeNode(id, { name }))).toEqual([`meshctl peers ${id} -o wide`]);
      expect(commandsFor(fakeNode('$(reboot)', { name }))).toEqual(['meshctl peers -o wide']);
    },
  );
});
