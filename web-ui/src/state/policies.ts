/** Network policies of the pods of this node, requested every 5 s. */
import { computed, effect, signal } from '@preact/signals';
import type { PodPolicies } from '../../../common/api.js';
import { fetchPolicies } from '../api-client.js';
import { status } from './store.js';

const REQUESTED_EVERY_MS = 5_000;

const areKept = computed(() => status.value?.networkPolicies === 'kept');
const areOff = computed(() => status.value?.networkPolicies === 'off');

/** Null while there is no answer: the node keeps no network policies, or does not know them yet. */
export const policies = signal<readonly PodPolicies[] | null>(null);

export function startPolicies(): void {
  const request = async (): Promise<void> => {
    policies.value = await fetchPolicies(AbortSignal.timeout(REQUESTED_EVERY_MS));
  };
  effect(() => {
    if (areOff.value) policies.value = null;
    if (!areKept.value) return undefined;
    void request();
    const timer = setInterval(() => document.hidden || void request(), REQUESTED_EVERY_MS);
    return () => clearInterval(timer);
  });
}
