/** Conditions of the node's readiness, with what is missing. */
import type { Condition } from '../../../common/api.js';
import { StateIcon } from '../ui/icons.js';

export function Conditions({ conditions }: { conditions: readonly Condition[] }) {
  if (conditions.length === 0) return <p class="quiet">The agent reports no conditions.</p>;
  return (
    <ul class="conditions">
      {conditions.map((condition) => (
        <li key={condition.name}>
          <StateIcon state={condition.ok ? 'up' : 'down'} />
          <span>
            <strong>{condition.name}</strong>
            {condition.message === '' ? null : <span class="condition-message">{condition.message}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
