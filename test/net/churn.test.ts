/**
 * Pods that come and go while agent, router and CNI executable are killed during calls: no address is given twice, nothing is left.
 * 40 calls; `CHURN_CALLS=1000` for more, `CHURN_SEED` for other moments. Needs root and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { NetworkNamespace, removeNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { DemoError } from '../../common/errors.js';
import { SeededRandom } from '../../mesh/testing/seeded-random.js';
import { DIST_DIR, hostObjects, restarted, useCluster } from './cluster-fixture.js';

const CALLS = Number(process.env['CHURN_CALLS'] ?? 40);
const SEED = Number(process.env['CHURN_SEED'] ?? 1);
/** Calls at a time, each lane with pods of its own. */
const LANES = 4;
const PODS_PER_LANE = 3;
/** Of calls, the share whose executable is killed, within so many ms of its start. */
const KILLED_SHARE = 0.15;
/** After a call has started: an ADD takes 20 to 40 ms on an idle machine. */
const KILLED_WITHIN_MS = 40;
/** During every fifth call of the first lane, agent or router is killed; the lane waits until it runs again. */
const CALLS_PER_KILL = 5;
const AGENT_SHARE = 0.75;
const CALL_TIMEOUT_MS = 30_000;
const DEL_ATTEMPTS = 10;
const CLEAN_WITHIN_MS = 30_000;
const TEST_TIMEOUT_MS = 60_000 + CALLS * 1000;

interface Slot {
  readonly name: string;
  readonly netns: string;
  attached: boolean;
  generation: number;
}

describe(`${CALLS} calls while processes are killed`, () => {
  const cluster = useCluster({ nodes: 1, podsPerNode: 0 });
  const names = Array.from({ length: LANES * PODS_PER_LANE }, (_, i) => `c${i}`);
  const generator = new SeededRandom(SEED);
  const random = () => generator.fraction();
  /** Pod by address, from the end of its ADD to the begin of its DEL. */
  const live = new Map<string, string>();
  const givenTwice: string[] = [];
  const happened = { added: 0, refused: 0, deleted: 0, killedCalls: 0, killedProcesses: 0 };
  let node: DemoNode;
  let slots: Slot[];

  beforeAll(async () => {
    [node] = cluster.get().nodes as [DemoNode];
    const made = names.map((name) => NetworkNamespace.create(`${node.namespace.name}${name}`));
    slots = (await Promise.all(made)).map(({ name, path }) => ({ name, netns: path, attached: false, generation: 0 }));
  });
  afterAll(async () => {
    for (const { name } of slots ?? []) await removeNamespace(name);
  });

  /** Null when the executable was killed, else its exit code and output. */
  async function call(command: 'ADD' | 'DEL', { name, netns, generation }: Slot) {
    const child = spawn(join(DIST_DIR, existsSync(join(DIST_DIR, 'heddle-cni')) ? 'heddle-cni' : 'heddle-cni.js'), {
      env: {
        ...{ CNI_COMMAND: command, CNI_CONTAINERID: `${name}-${generation}`, CNI_NETNS: netns, CNI_IFNAME: 'eth0' },
        ...{ CNI_PATH: DIST_DIR, HEDDLE_CNI_SOCKET: node.cniSocket, HEDDLE_CNI_SPOOL: node.deferredDeleteDir },
      },
      timeout: random() < KILLED_SHARE ? Math.ceil(random() * KILLED_WITHIN_MS) : CALL_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdin.on('error', () => {
      /* it was killed before it read its input */
    });
    child.stdin.end(JSON.stringify({ cniVersion: '1.0.0', name: 'heddle', type: 'heddle-cni' }));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code === null) happened.killedCalls++;
    return code === null ? null : { code, output };
  }

  async function add(slot: Slot): Promise<void> {
    slot.generation++;
    slot.attached = true; // perhaps: a runtime deletes what it tried to add
    const answer = await call('ADD', slot);
    if (answer?.code !== 0) {
      happened.refused++;
      return remove(slot);
    }
    happened.added++;
    const { ips } = JSON.parse(answer.output) as { readonly ips: readonly { readonly address: string }[] };
    for (const { address } of ips) {
      if (live.has(address)) givenTwice.push(`${address} to ${live.get(address)} and ${slot.name}`);
      live.set(address, slot.name);
    }
  }

  /** As a runtime: again until it succeeds. */
  async function remove(slot: Slot): Promise<void> {
    for (const [address, name] of live) if (name === slot.name) live.delete(address);
    for (let attempt = 0; attempt < DEL_ATTEMPTS; attempt++) {
      if ((await call('DEL', slot))?.code !== 0) continue;
      slot.attached = false;
      happened.deleted++;
      return;
    }
  }

  /** Kills agent or router at a moment of the call that has just started, and waits for its next process. */
  async function killDuringCall(): Promise<void> {
    await delay(random() * KILLED_WITHIN_MS);
    const role = random() < AGENT_SHARE ? 'agent' : 'router';
    const [pid] = node.processes(role);
    if (pid === undefined) return;
    signal(pid, 'SIGKILL');
    happened.killedProcesses++;
    await restarted(node, role, pid);
  }

  async function churn(lane: readonly Slot[], kills: boolean): Promise<void> {
    for (let i = 1; i <= CALLS / LANES; i++) {
      const slot = lane[Math.floor(random() * lane.length)]!;
      const done = slot.attached ? remove(slot) : add(slot);
      await Promise.all([done, kills && i % CALLS_PER_KILL === 0 ? killDuringCall() : undefined]);
    }
  }

  it(
    'gives no address twice and leaves nothing behind',
    async () => {
      const { links: linksBefore } = await hostObjects(node);
      const lanes = Array.from({ length: LANES }, (_, lane) => slots.filter((_, i) => i % LANES === lane));
      await Promise.all(lanes.map((lane, number) => churn(lane, number === 0)));
      await node.waitReady();
      for (const slot of slots.filter(({ attached }) => attached)) await remove(slot);
      process.stderr.write(`churn, seed ${SEED}: ${JSON.stringify(happened)}\n`);
      expect(givenTwice).toEqual([]);
      expect(happened.added).toBeGreaterThan(0);
      expect(happened.killedProcesses).toBeGreaterThan(0);
      await waitUntil('nothing left of any pod', CLEAN_WITHIN_MS, async () => {
        const left = await leftovers(node, linksBefore);
        if (left.length > 0) throw new DemoError(left.join('\n'));
        return true;
      });
      for (const { netns } of slots) {
        expect(await node.namespace.run('nsenter', [`--net=${netns}`, 'ip', '-brief', 'link'])).not.toContain('eth0');
      }
    },
    TEST_TIMEOUT_MS,
  );
});

/** Interfaces, endpoints, addresses and deferred deletes of the node, each in words. */
async function leftovers(node: DemoNode, linksBefore: readonly string[]): Promise<string[]> {
  const { links } = await hostObjects(node);
  const endpoints = await node.api.endpoints();
  const { addresses } = await node.api.status();
  // The unfinished file of a relay that was killed has another name, and stays for a minute.
  const deferred = existsSync(node.deferredDeleteDir) ? readdirSync(node.deferredDeleteDir) : [];
  return [
    ...links.filter((name) => !linksBefore.includes(name)),
    ...endpoints.map((endpoint) => JSON.stringify(endpoint)),
    ...addresses.filter(({ used }) => used > 0).map((usage) => JSON.stringify(usage)),
    ...deferred.filter((name) => /^(del|gc)-/.test(name)),
  ];
}
