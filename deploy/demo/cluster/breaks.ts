/** Faults for a running demo (`--break`): what each does to the cluster, and where to look then. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hostCommands } from '../../../common/host/command.js';
import { DemoError } from '../../../common/errors.js';
import { NETNS_FOLDER } from '../machine/network-namespace.js';
import { commandLine, kill, processesInNamespace, signal } from '../machine/processes.js';
import { UNDERLAY_PORT } from './plan.js';
import type { RunningDemo, RunningNode } from './running-demo.js';

export const BREAKS = 'node NODE | link NODE NODE | loss PERCENT | secret | mtu BYTES | mend';

const TABLE = 'demo_fault';
const NORMAL_MTU = 1500;
/** Smallest IPv6 MTU; below it the underlay carries no IPv6. */
const MIN_MTU = 1280;
const RELOAD_MS = 500;

/** @returns what to look at. Throws {@link DemoError} for words that are no fault. */
export async function breakDemo(demo: RunningDemo, words: readonly string[]): Promise<string> {
  const [kind = '', first = '', second = ''] = words;
  switch (kind) {
    case 'node':
      return breakNode(nodeOf(demo, first));
    case 'link':
      return breakLink(nodeOf(demo, first), nodeOf(demo, second));
    case 'loss':
      return breakLoss(demo, numberIn(first, 0, 100));
    case 'secret':
      return breakSecret(demo);
    case 'mtu':
      return breakMtu(demo, numberIn(first, MIN_MTU, NORMAL_MTU));
    case 'mend':
      return mend(demo);
    default:
      throw new DemoError(`--break is "${words.join(' ')}", expected ${BREAKS}`);
  }
}

async function breakNode(node: RunningNode): Promise<string> {
  await kill(processesOf(node));
  return `${node.name} is dead. After 6 s the others warn of it by name: meshctl status, meshctl nodes --sort-by state`;
}

async function breakLink(a: RunningNode, b: RunningNode): Promise<string> {
  await dropInput(a, `ip saddr ${b.underlayV4} udp dport ${UNDERLAY_PORT} drop`);
  await dropInput(b, `ip saddr ${a.underlayV4} udp dport ${UNDERLAY_PORT} drop`);
  const { name } = a;
  return `${name} and ${b.name} do not hear each other: within 6 s another node relays. See meshctl peers -o wide on ${name}`;
}

async function breakLoss(demo: RunningDemo, percent: number): Promise<string> {
  const rule = `udp dport ${UNDERLAY_PORT} numgen random mod 100 < ${percent} drop`;
  for (const node of demo.nodes) await dropInput(node, rule);
  return `${percent} % of all datagrams are lost. See LOSS in meshctl nodes --sort-by loss, once pods send`;
}

/** The last node gets another secret and loses its sessions, as after a restart of its router. */
async function breakSecret(demo: RunningDemo): Promise<string> {
  const node = demo.nodes.at(-1)!;
  const secretFile = join(dirname(node.configFile), 'other-secret');
  writeFileSync(secretFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  const config = readFileSync(node.configFile, 'utf8');
  writeFileSync(node.configFile, config.replace(/^clusterSecretFile: .*$/m, `clusterSecretFile: ${secretFile}`));
  const running = (script: string): number[] =>
    processesOf(node).filter((pid) => commandLine(pid).some((word) => word.endsWith(`/${script}`)));
  for (const supervisor of running('meshd.js')) signal(supervisor, 'SIGHUP');
  await delay(RELOAD_MS);
  await kill(running('router.js'));
  return `${node.name} has another secret. See the targets of meshctl status on ${demo.nodes[0]?.name ?? ''} and ${node.name}`;
}

/** On the ports of the bridge, so that the nodes have to find it out. */
async function breakMtu(demo: RunningDemo, bytes: number): Promise<string> {
  await setMtu(demo, bytes);
  return `The underlay carries ${bytes} bytes. See MTU in meshctl peers: within 20 s it follows`;
}

async function mend(demo: RunningDemo): Promise<string> {
  await setMtu(demo, NORMAL_MTU);
  for (const node of demo.nodes) {
    for (const verb of ['add', 'delete']) await nft(node, [verb, 'table', 'inet', TABLE]);
  }
  const later = 'The nodes search a larger path MTU every 10 minutes, since no event tells them of it';
  return `Links, loss and MTU are as before. ${later}. A dead node and another secret stay until the demo ends`;
}

async function setMtu(demo: RunningDemo, bytes: number): Promise<void> {
  for (const { name } of demo.nodes)
    await hostCommands.run('ip', ['-n', demo.underlay, 'link', 'set', name, 'mtu', `${bytes}`]);
}

async function dropInput(node: RunningNode, rule: string): Promise<void> {
  // nft wants a line end after each inner closing brace.
  const chain = `chain input {\ntype filter hook input priority -300;\n${rule}\n}`;
  const text = `table inet ${TABLE} {\n${chain}\n}\n`;
  await nft(node, ['-f', '-'], text);
}

async function nft(node: RunningNode, args: readonly string[], input?: string): Promise<void> {
  await hostCommands.run('nsenter', [`--net=${NETNS_FOLDER}/${node.namespace}`, 'nft', ...args], input);
}

function processesOf({ namespace }: RunningNode): number[] {
  return processesInNamespace(statSync(`${NETNS_FOLDER}/${namespace}`).ino);
}

function nodeOf({ nodes }: RunningDemo, name: string): RunningNode {
  const found = nodes.find((node) => node.name === name);
  if (found !== undefined) return found;
  throw new DemoError(
    `--break: "${name}" is no node of the running demo (${nodes.map((node) => node.name).join(', ')})`,
  );
}

function numberIn(text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new DemoError(`--break: "${text}" is no number from ${least} to ${most}`);
}
