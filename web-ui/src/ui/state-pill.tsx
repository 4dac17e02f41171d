/** Name of a state with its shape and colour. */
import type { TopologyNode } from '../../../common/api.js';
import { StateIcon } from './icons.js';

export const STATE_WORDS: Readonly<Record<TopologyNode['state'], string>> = {
  self: 'this node',
  up: 'up',
  connecting: 'connecting',
  stale: 'stale',
  down: 'down',
  idle: 'no link',
};

export function StatePill({ state }: { state: TopologyNode['state'] }) {
  return (
    <span class={`state-pill is-${state}`}>
      <StateIcon state={state} />
      {STATE_WORDS[state]}
    </span>
  );
}
