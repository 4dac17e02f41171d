/** No overlay: from node to node on the underlay. The base of every comparison. */
import type { BringUp } from './overlay.js';

export const bringUpRaw: BringUp = (_lab, { nodes: [one, two], mtuBytes }) =>
  Promise.resolve({
    client: one.namespace,
    server: two.namespace,
    serverAddress: two.address,
    podMtuBytes: mtuBytes,
  });
