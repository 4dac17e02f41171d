/** Watch of one Node object: {@link ResourceWatch} with what the pod network uses of a Node. */
import type { Clock } from '../common/clock.js';
import { messageOf } from '../common/errors.js';
import { nodeListPath } from './api-server.js';
import type { ApiServer } from './api-server.js';
import { parseNodeObject } from './node-object.js';
import type { NodeObject } from './node-object.js';
import { ResourceWatch } from './resource-watch.js';

export interface NodeWatchDeps {
  readonly api: ApiServer;
  readonly nodeName: string;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** The object as it is now, or null when there is none. */
  readonly onNode: (node: NodeObject | null) => void;
  /** Why nothing is known at the moment, in words; null when all is well again. */
  readonly onProblem: (problem: string | null) => void;
}

export class NodeWatch extends ResourceWatch {
  constructor({ api, nodeName, clock, random, onNode, onProblem }: NodeWatchDeps) {
    /** What cannot be used is reported, and the node before stays. */
    const take = (object: unknown): void => {
      try {
        onNode(parseNodeObject(object));
      } catch (thrown) {
        onProblem(messageOf(thrown));
      }
    };
    super({
      ...{ api, path: nodeListPath(nodeName), clock, random, onProblem },
      onList: ([object]) => (object === undefined ? onNode(null) : take(object)),
      onPut: take,
      onDelete: () => onNode(null),
    });
  }
}
