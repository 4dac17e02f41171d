/**
 * Log of the traffic that network policies dropped lately: which flow, in which direction, by which policies. The kernel sends a
 * limited number of packets (nflog, `policy/nft/table-text.ts`), so packets here are examples; the counters count all.
 */
import { BoundedMap } from '../../../common/bounded-map.js';
import type { Clock } from '../../../common/clock.js';
import type { Logger } from '../../../common/log.js';
import { NoticeLimiter } from '../../../common/notice-limiter.js';
import type { DropCounter } from '../../../policy/index.js';
import { readLoggedDrops } from './nflog-messages.js';
import { flowOfPacket } from './packet-flow.js';
import type { PacketFlow } from './packet-flow.js';

/** Flows that are remembered; pods choose them, and the one that is longest not seen goes first. */
const MAX_FLOWS = 256;
/** A flow is logged once a minute, and of all flows this many. */
const LINE_EVERY_MS = 60_000;
const MAX_LINES = 30;

export interface DroppedFlow extends PacketFlow, DropCounter {
  readonly lastMs: number;
  /** Packets that the kernel has sent. */
  readonly seen: number;
}

export interface DropLogDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the table in force, by the prefix that the kernel sends. */
  readonly counter: (name: string) => DropCounter | undefined;
  /** An address for people, with its pod. */
  readonly nameOf: (flow: PacketFlow, end: 'source' | 'destination') => string;
}

export class DropLog {
  readonly #flows = new BoundedMap<string, DroppedFlow>(MAX_FLOWS);
  readonly #lines = new NoticeLimiter({ intervalMs: LINE_EVERY_MS, maxKinds: MAX_FLOWS, maxPerInterval: MAX_LINES });

  constructor(readonly deps: DropLogDeps) {}

  /** The newest last. */
  get flows(): readonly DroppedFlow[] {
    return [...this.#flows.values()];
  }

  /** @param datagram of the kernel */
  take(datagram: Uint8Array): void {
    for (const { prefix, packet } of readLoggedDrops(datagram)) {
      const counter = this.deps.counter(prefix);
      const flow = flowOfPacket(packet);
      if (counter !== undefined && flow !== null) this.#add(counter, flow);
    }
  }

  #add(counter: DropCounter, flow: PacketFlow): void {
    const key = [counter.direction, flow.source, flow.destination, flow.protocol, flow.port].join(' ');
    const lastMs = this.deps.clock.nowMs();
    const dropped = { ...flow, ...counter, lastMs, seen: (this.#flows.get(key)?.seen ?? 0) + 1 };
    this.#flows.set(key, dropped);
    const heldBack = this.#lines.admit(key, lastMs);
    if (heldBack !== null) this.#write(dropped, heldBack);
  }

  #write(flow: DroppedFlow, heldBack: number): void {
    const { log, nameOf } = this.deps;
    const traffic = flow.port === null ? flow.protocol : `${flow.protocol} ${flow.port}`;
    log.info(
      { direction: flow.direction, reason: dropReason(flow), ...(heldBack > 0 ? { heldBack } : {}) },
      `network policy denied ${nameOf(flow, 'source')} to ${nameOf(flow, 'destination')}, ${traffic}`,
    );
  }
}

/** In words. */
export function dropReason({ policies, rule }: DropCounter): string {
  if (rule !== null) return `denied by ${policies.join(', ')}, ${rule}`;
  if (policies.length === 0) return 'the API server has not told of the pod, which is denied until it does';
  return `default deny: isolated by ${policies.join(', ')}, and no rule allows this`;
}
