/** Tests over a simulated network: when one fails, its error shows the last messages that were sent. */
import { types } from 'node:util';
import { assert } from '../../common/errors.js';
import { SimNetwork } from './sim-network.js';
import { isFullMesh } from './sim-node.js';
import type { SimNode } from './sim-node.js';

const CONVERGES_WITHIN_MS = 20_000;

/** The body of a test. `run` gets a network of this seed. */
export function simulation(seed: number, run: (network: SimNetwork) => void): () => void {
  return () => {
    const network = new SimNetwork(seed);
    try {
      run(network);
    } catch (thrown) {
      // `expect` makes its errors in another realm than the test.
      if (types.isNativeError(thrown)) appendToMessage(thrown, `Last messages (seed ${seed}):\n${network.log.text()}`);
      throw thrown;
    }
  };
}

/** The same with a cluster of `size` nodes, all linked before the body runs. */
export function convergedSimulation(
  size: number,
  seed: number,
  run: (network: SimNetwork, nodes: readonly SimNode[]) => void,
): () => void {
  return simulation(seed, (network) => {
    const nodes = network.startCluster(size);
    const tookMs = network.runUntil(() => isFullMesh(nodes), CONVERGES_WITHIN_MS);
    assert(tookMs < CONVERGES_WITHIN_MS, `a cluster of ${size} nodes converges within ${CONVERGES_WITHIN_MS} ms`);
    run(network, nodes);
  });
}

/** The stack begins with the message, and it is the stack that test runners print. */
function appendToMessage(error: Error, text: string): void {
  const { message, stack } = error;
  error.message = `${message}\n\n${text}`;
  if (stack !== undefined) error.stack = stack.replace(message, () => error.message);
}
