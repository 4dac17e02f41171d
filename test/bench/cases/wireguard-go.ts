/**
 * `wireguard-go`, the userspace WireGuard: encrypted as Heddle is. It is an interface of layer 3, so the nodes route
 * between it and their pods.
 */
import { existsSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostCommands } from '../../../common/host/command.js';
import { waitUntil } from '../../../deploy/demo/async/wait-until.js';
import type { Lab } from '../lab.js';
import type { Node } from '../node-pair.js';
import { createBridgedPods, podSubnet } from './bridged-pods.js';
import type { BringUp } from './overlay.js';

/** Outer IPv6 40 (it reserves for it), UDP 8, header 16 and tag 16 bytes. */
const OVERHEAD_BYTES = 80;
const PORT = 51820;
const SOCKET_FOLDER = '/var/run/wireguard';
const SOCKET_TIMEOUT_MS = 5000;

interface KeyPair {
  readonly secret: string;
  readonly open: string;
}

/** @param executable path of `wireguard-go` */
export function bringUpWireguard(executable: string): BringUp {
  return async (lab, pair) => {
    const podMtuBytes = pair.mtuBytes - OVERHEAD_BYTES;
    const ends = await createBridgedPods(lab, pair, { podMtuBytes, oneSegment: false });
    const keys = [await generateKeys(), await generateKeys()] as const;
    const [one, two] = pair.nodes;
    await startTunnel(lab, executable, one, podMtuBytes, configuration(one, keys[0], two, keys[1]));
    await startTunnel(lab, executable, two, podMtuBytes, configuration(two, keys[1], one, keys[0]));
    for (const [node, other] of [
      [one, two],
      [two, one],
    ] as const) {
      await node.namespace.ip('route', 'add', podSubnet(other), 'dev', interfaceOf(node));
    }
    return ends;
  };
}

/** Names are unique on the machine: the sockets of all network namespaces lie in one folder. */
function interfaceOf(node: Node): string {
  return `wg${process.pid}n${node.plan.index}`;
}

async function generateKeys(): Promise<KeyPair> {
  const secret = await hostCommands.run('wg', ['genkey']);
  return { secret: secret.trim(), open: (await hostCommands.run('wg', ['pubkey'], secret)).trim() };
}

function configuration(node: Node, own: KeyPair, other: Node, others: KeyPair): string {
  const lines = ['[Interface]', `PrivateKey = ${own.secret}`, `ListenPort = ${PORT}`];
  const peer = ['[Peer]', `PublicKey = ${others.open}`, `AllowedIPs = ${podSubnet(other)}`];
  return [...lines, ...peer, `Endpoint = ${node.peerAddress}:${PORT}`, ''].join('\n');
}

async function startTunnel(
  lab: Lab,
  executable: string,
  node: Node,
  mtuBytes: number,
  settings: string,
): Promise<void> {
  const name = interfaceOf(node);
  const file = join(lab.folder, `${name}.conf`);
  writeFileSync(file, settings, { mode: 0o600 });
  const folderIsOurs = !existsSync(SOCKET_FOLDER);
  const socket = join(SOCKET_FOLDER, `${name}.sock`);
  const service = lab.start(node.namespace, name, 'env', ['LOG_LEVEL=error', executable, '-f', name]);
  lab.beforeClear(async () => {
    await service.stop();
    rmSync(socket, { force: true });
    if (folderIsOurs && existsSync(SOCKET_FOLDER) && readdirSync(SOCKET_FOLDER).length === 0) rmdirSync(SOCKET_FOLDER);
  });
  await waitUntil(`${executable} on node ${node.plan.name}`, SOCKET_TIMEOUT_MS, () =>
    Promise.resolve(existsSync(socket)),
  );
  await node.namespace.run('wg', ['setconf', name, file]);
  await node.namespace.ip('link', 'set', name, 'mtu', `${mtuBytes}`, 'up');
}
