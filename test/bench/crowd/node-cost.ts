/** CPU and memory of the processes of one node: reads `/proc` before and after an interval. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError } from '../../../common/errors.js';
import type { DemoNode, Role } from '../../../deploy/demo/cluster/demo-node.js';
import { memoryByKind } from './memory-kinds.js';
import type { MemoryByKind } from './memory-kinds.js';
import { percentOfCore, threadTimes } from './thread-time.js';
import type { ThreadTimes } from './thread-time.js';

export const ROLES: readonly Role[] = ['supervisor', 'agent', 'router'];
/** Threads below this are not listed. */
const NAMED_FROM_PERCENT = 0.01;

export interface ThreadCost {
  /** Name in the kernel; the first thread is the main one. */
  readonly name: string;
  readonly cpuPercent: number;
}

export interface ProcessCost {
  readonly role: Role;
  readonly memory: MemoryByKind;
  /** Of one core. */
  readonly cpuPercent: number;
  /** Threads above the limit, in the order of their start. */
  readonly threads: readonly ThreadCost[];
}

/** Datagrams on the underlay each second, and their bytes with Ethernet headers. */
export interface UnderlayRate {
  readonly sent: number;
  readonly received: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface NodeCost {
  readonly processes: readonly ProcessCost[];
  readonly underlay: UnderlayRate;
}

interface Look {
  readonly atMs: number;
  readonly times: readonly ThreadTimes[];
  readonly traffic: LinkStatistics['stats64'];
}

/** As `ip` prints it. */
interface LinkStatistics {
  readonly stats64: Readonly<Record<'tx' | 'rx', { readonly packets: number; readonly bytes: number }>>;
}

/** Memory is read at the end. Throws {@link BenchError} when a process is missing or was replaced during the interval. */
export async function measureNode(node: DemoNode, interfaceName: string, seconds: number): Promise<NodeCost> {
  const pids = processesOf(node);
  const before = await lookAt(node, pids, interfaceName);
  await delay(seconds * 1000);
  const after = await lookAt(node, pids, interfaceName);
  if (processesOf(node).join() !== pids.join()) throw new BenchError('a process of the node was replaced meanwhile');
  const elapsedMs = after.atMs - before.atMs;
  const processes = ROLES.map((role, i) => costOf(role, pids[i]!, before.times[i]!, after.times[i]!, elapsedMs));
  const perSecond = (count: number): number => (count * 1000) / elapsedMs;
  const rate = (way: 'tx' | 'rx', of: 'packets' | 'bytes'): number =>
    perSecond(after.traffic[way][of] - before.traffic[way][of]);
  const underlay = {
    sent: rate('tx', 'packets'),
    received: rate('rx', 'packets'),
    sentBytes: rate('tx', 'bytes'),
    receivedBytes: rate('rx', 'bytes'),
  };
  return { processes, underlay };
}

function processesOf(node: DemoNode): number[] {
  return ROLES.map((role) => {
    const pid = node.processes(role)[0];
    if (pid === undefined) throw new BenchError(`${node.name} has no ${role} running`);
    return pid;
  });
}

async function lookAt(node: DemoNode, pids: readonly number[], interfaceName: string): Promise<Look> {
  const text = await node.namespace.ip('-json', '-statistics', 'link', 'show', 'dev', interfaceName);
  const [link] = JSON.parse(text) as LinkStatistics[];
  return { atMs: performance.now(), times: pids.map(threadTimes), traffic: link!.stats64 };
}

function costOf(role: Role, pid: number, before: ThreadTimes, after: ThreadTimes, elapsedMs: number): ProcessCost {
  const percents = percentOfCore(before, after, elapsedMs);
  const threads = Array.from(percents, ([id, cpuPercent]) => ({ name: after.get(id)?.name ?? '', cpuPercent }));
  return {
    role,
    memory: memoryByKind(readFileSync(`/proc/${pid}/smaps`, 'utf8')),
    cpuPercent: threads.reduce((sum, thread) => sum + thread.cpuPercent, 0),
    threads: threads.filter(({ cpuPercent }) => cpuPercent >= NAMED_FROM_PERCENT),
  };
}
