/**
 * Events on this node's Node object for what an operator has to act on: a condition of the node that is unmet for longer than a
 * start takes. `kubectl describe node` shows them. A condition makes one event when it is first unmet, one when its message
 * changes, at most every ten minutes, and one an hour while it lasts: with 14 conditions at most 84 an hour.
 */
import type { Clock } from '../common/clock.js';
import { messageOf } from '../common/errors.js';
import type { NoticeLog } from '../common/notice-log.js';
import { apiTime } from './api-server.js';
import type { ApiServer } from './api-server.js';
import type { NodeObject } from './node-object.js';

/** A start, a restart of the router and a lost link are over by then. */
const LASTS_MS = 60_000;
const CHANGED_AFTER_MS = 10 * 60_000;
const AGAIN_AFTER_MS = 60 * 60_000;
/** Events of nodes are in the namespace default, whose controller deletes them after an hour. */
const EVENTS = '/api/v1/namespaces/default/events';
/** Of `message`, by the API server's validation. */
const MAX_MESSAGE_CHARACTERS = 1024;

export interface ReportedCondition {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

interface Unmet {
  readonly sinceMs: number;
  /** The event made last; null before the first one. */
  readonly told: { readonly atMs: number; readonly message: string } | null;
}

export interface NodeEventsDeps {
  readonly api: ApiServer;
  readonly clock: Clock;
  readonly notices: NoticeLog;
}

export class NodeEvents {
  /** By the condition's name; bounded by the conditions that there are. */
  readonly #unmet = new Map<string, Unmet>();
  #node: NodeObject | null = null;
  #sent = 0;

  constructor(readonly deps: NodeEventsDeps) {}

  nodeIs(node: NodeObject | null): void {
    this.#node = node;
  }

  /** To be called every few seconds. */
  conditionsAre(conditions: readonly ReportedCondition[]): void {
    const nowMs = this.deps.clock.nowMs();
    for (const { name, ok, message } of conditions) {
      if (ok) this.#unmet.delete(name);
      else this.#note(name, message, nowMs);
    }
  }

  #note(name: string, message: string, nowMs: number): void {
    const unmet = this.#unmet.get(name) ?? { sinceMs: nowMs, told: null };
    const isDue = isDueNow(unmet, message, nowMs) && this.#node !== null;
    this.#unmet.set(name, isDue ? { ...unmet, told: { atMs: nowMs, message } } : unmet);
    if (isDue) void this.#tell(this.#node!, name, message);
  }

  /** An event that is lost comes again after an hour. */
  async #tell(node: NodeObject, name: string, message: string): Promise<void> {
    const { api, notices } = this.deps;
    try {
      await api.create(EVENTS, this.#event(node, name, message));
    } catch (thrown) {
      notices.write('warn', 'an Event on the Node could not be made', { condition: name, problem: messageOf(thrown) });
    }
  }

  #event({ name: node, uid }: NodeObject, condition: string, message: string): object {
    const now = this.deps.clock.wallTime();
    const at = apiTime(now);
    this.#sent++;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${node}.${now.getTime().toString(16)}.${this.#sent.toString(16)}`, namespace: 'default' },
      involvedObject: { apiVersion: 'v1', kind: 'Node', name: node, uid },
      type: 'Warning',
      reason: reasonOf(condition),
      message: message.slice(0, MAX_MESSAGE_CHARACTERS),
      source: { component: 'heddle', host: node },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
  }
}

function isDueNow({ sinceMs, told }: Unmet, message: string, nowMs: number): boolean {
  if (told === null) return nowMs - sinceMs >= LASTS_MS;
  return nowMs - told.atMs >= (told.message === message ? AGAIN_AFTER_MS : CHANGED_AFTER_MS);
}

/** `pod-cidr`: `HeddlePodCidr`. */
function reasonOf(condition: string): string {
  return `Heddle-${condition}`.replace(/-(.)/g, (_, first: string) => first.toUpperCase());
}
