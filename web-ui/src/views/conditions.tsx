/** Conditions of the node's readiness with what is missing, and the targets it has no link to with the cause. */
import type { Condition, Status, Target } from '../../../common/api.js';
import { formatAgo, plural } from '../format.js';
import { nowMs } from '../state/store.js';
import { StateIcon } from '../ui/icons.js';

export function Conditions({ conditions }: { conditions: readonly Condition[] }) {
  if (conditions.length === 0) return <p class="quiet">The agent reports no conditions.</p>;
  return (
    <ul class="conditions">
      {conditions.map((condition) => (
        <li key={condition.name}>
          <StateIcon state={condition.ok ? 'up' : condition.required === false ? 'stale' : 'down'} />
          <span>
            <strong>{condition.name}</strong>
            {condition.message === '' ? null : <span class="condition-message">{condition.message}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Targets with a cause drawn; `meshctl status` shows all. */
const MAX_TARGETS = 12;

export function Targets({ status }: { status: Status }) {
  const troubled = (status.targets ?? []).filter(({ cause }) => cause !== '');
  if (troubled.length === 0) return null;
  return (
    <>
      <h3 class="targets-head">Targets without a link</h3>
      <ul class="conditions">
        {troubled.slice(0, MAX_TARGETS).map((target) => (
          <TargetLine key={`${target.kind} ${target.address}`} target={target} />
        ))}
      </ul>
      {troubled.length > MAX_TARGETS ? <p class="quiet">and {troubled.length - MAX_TARGETS} more</p> : null}
    </>
  );
}

function TargetLine({ target }: { target: Target }) {
  const { address, node, kind, state, attempts, lastAnswer, cause } = target;
  const facts = [
    kind === 'seed' ? 'seed' : '',
    attempts === null ? '' : plural(attempts, 'attempt'),
    lastAnswer === null ? 'no answer yet' : `last answer ${formatAgo(lastAnswer, nowMs.value)}`,
  ].filter((fact) => fact !== '');
  return (
    <li>
      <StateIcon state={state === 'refused' ? 'down' : state} />
      <span>
        <strong>{node ?? address}</strong> {node === null ? null : <span class="mono">{address}</span>}
        <span class="condition-message">{cause}</span>
        <span class="condition-message">{facts.join(' · ')}</span>
      </span>
    </li>
  );
}
