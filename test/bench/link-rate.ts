/** Underlay with a rate limit and a queue, as of a network card. Packets beyond the queue are dropped. */
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { UNDERLAY_INTERFACE } from './node-pair.js';
import type { NodePair } from './node-pair.js';

const LINK_GBPS = 1;
/** A thousand packets: `pfifo_fast` on an Ethernet card, as the kernel sets it up. */
const QUEUE_BYTES = 1_500_000;
/** One super-packet. */
const BURST_BYTES = 65_536;

/** Runs `work` while the pair's link carries {@link LINK_GBPS} each way. */
export async function withSlowLink<T>({ nodes }: NodePair, work: () => Promise<T>): Promise<T> {
  const namespaces = nodes.map(({ namespace }) => namespace);
  try {
    for (const namespace of namespaces) {
      await tc(
        namespace,
        'add',
        'tbf',
        'rate',
        `${LINK_GBPS}gbit`,
        'burst',
        `${BURST_BYTES}`,
        'limit',
        `${QUEUE_BYTES}`,
      );
    }
    return await work();
  } finally {
    for (const namespace of namespaces) await tc(namespace, 'del').catch(() => undefined);
  }
}

async function tc(namespace: NetworkNamespace, action: 'add' | 'del', ...discipline: readonly string[]): Promise<void> {
  await namespace.run('tc', ['qdisc', action, 'dev', UNDERLAY_INTERFACE, 'root', ...discipline]);
}
