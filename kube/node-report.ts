/**
 * Report of this node to its own Node object: its identity key, which other nodes compare, at the start; once pods can be
 * attached, the condition NetworkUnavailable is False and the start-up taint is gone, so that the scheduler sends pods. All are
 * looked at again with every change of the object, so a Node that was made anew is told too.
 *
 * Nothing is set back when the node turns unready. While the agent is replaced, ADD waits or fails in a way that the kubelet
 * tries again; a condition set by an agent that then goes away would keep the node empty until somebody looked.
 */
import type { Clock } from '../common/clock.js';
import { CoalescedTask } from '../common/coalesced-task.js';
import { messageOf } from '../common/errors.js';
import { NODE_KEY_ANNOTATION } from '../common/kubernetes-names.js';
import type { NoticeLog } from '../common/notice-log.js';
import { apiTime, nodePath, PATCH } from './api-server.js';
import type { ApiServer } from './api-server.js';
import { BackOff } from './back-off.js';
import { encodedKey, parseNodeObject } from './node-object.js';
import type { NodeObject } from './node-object.js';

export interface NodeReportDeps {
  readonly api: ApiServer;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly notices: NoticeLog;
  /** Key of the taint that is taken away; empty for none. */
  readonly startupTaint: string;
}

export class NodeReport {
  readonly #backOff: BackOff;
  readonly #reporting = new CoalescedTask(() => this.#report());
  #node: NodeObject | null = null;
  #isReady = false;
  #publicKey: Uint8Array | null = null;
  /** After a failure. */
  #isWaiting = false;

  constructor(readonly deps: NodeReportDeps) {
    this.#backOff = new BackOff(deps.random);
  }

  /** The object as it is now, or null when there is none. */
  nodeIs(node: NodeObject | null): void {
    this.#node = node;
    this.#mayReport();
  }

  /** This node's identity key, which other nodes compare. */
  publish(publicKey: Uint8Array): void {
    this.#publicKey = publicKey;
    this.#mayReport();
  }

  readinessIs(isReady: boolean): void {
    if (isReady === this.#isReady) return;
    this.#isReady = isReady;
    this.#mayReport();
  }

  #mayReport(): void {
    if (!this.#isWaiting) void this.#reporting.run();
  }

  async #report(): Promise<void> {
    if (this.#isWaiting) return;
    try {
      if (this.#node !== null) await this.#publishKey(this.#node);
      if (this.#isReady && this.#node !== null) await this.#clearCondition(this.#node);
      if (this.#isReady && this.#node !== null) await this.#removeTaint(this.#node);
      this.#backOff.reset();
      this.deps.notices.clear('node report');
    } catch (thrown) {
      const problem = messageOf(thrown);
      this.deps.notices.write('warn', 'the Node object of this node cannot be changed', { problem }, 'node report');
      this.#retryLater();
    }
  }

  #retryLater(): void {
    this.#isWaiting = true;
    this.deps.clock.after(this.#backOff.next(), () => {
      this.#isWaiting = false;
      this.#mayReport();
    });
  }

  async #publishKey({ name, nodeKey }: NodeObject): Promise<void> {
    if (this.#publicKey === null || nodeKey === encodedKey(this.#publicKey)) return;
    const patch = { metadata: { annotations: { [NODE_KEY_ANNOTATION]: encodedKey(this.#publicKey) } } };
    this.#changed(await this.deps.api.patch(nodePath(name), PATCH.merge, patch));
    const { log } = this.deps.notices;
    if (nodeKey === null) log.info({ node: name }, "this node's key is published on its Node object");
    else
      log.warn(
        { node: name, before: nodeKey },
        "another key was published on this node's Node object, and is replaced",
      );
  }

  async #clearCondition({ name, networkUnavailable }: NodeObject): Promise<void> {
    if (networkUnavailable === 'False') return;
    const now = apiTime(this.deps.clock.wallTime());
    const condition = {
      type: 'NetworkUnavailable',
      status: 'False',
      reason: 'HeddleIsUp',
      message: 'Heddle attaches pods on this node',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    };
    // Conditions are merged by their type.
    const patch = { status: { conditions: [condition] } };
    this.#changed(await this.deps.api.patch(`${nodePath(name)}/status`, PATCH.strategicMerge, patch));
  }

  /** The list of taints is replaced as a whole by other patches; the test makes this one fail when it changed meanwhile. */
  async #removeTaint({ name, taints }: NodeObject): Promise<void> {
    const { startupTaint, api } = this.deps;
    const at = taints.findIndex(({ key }) => key === startupTaint);
    if (startupTaint === '' || at === -1) return;
    const path = `/spec/taints/${at}`;
    const patch = [
      { op: 'test', path: `${path}/key`, value: startupTaint },
      { op: 'remove', path },
    ];
    this.#changed(await api.patch(nodePath(name), PATCH.json, patch));
    this.deps.notices.log.info({ node: name, taint: startupTaint }, 'the start-up taint is taken away');
  }

  #changed(object: unknown): void {
    this.#node = parseNodeObject(object);
  }
}
