/** Shell of a second terminal inside the running demo: in a pod, or beside a node with `meshctl` on the path. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { RunningDemo } from '../cluster/running-demo.js';
import { NETNS_FOLDER } from '../machine/network-namespace.js';

export interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly apiSocket: string;
}

/** The pod or node of this name; null when the demo has none. A pod gets the socket of its node. */
export function placeIn(demo: RunningDemo, name: string): Place | null {
  const node = demo.nodes.find((each) => each.name === name);
  if (node !== undefined) return node;
  const pod = demo.pods.find((each) => each.name === name);
  const host = demo.nodes.find((each) => each.name === pod?.node);
  return pod === undefined || host === undefined ? null : { ...pod, apiSocket: host.apiSocket };
}

/** Resolves when the shell ends. Without start-up files, which set another prompt. */
export async function openShell(place: Omit<Place, 'apiSocket'>, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const shell = existsSync('/bin/bash') ? ['/bin/bash', '--norc', '--noprofile'] : ['/bin/sh'];
  const child = spawn('nsenter', [`--net=${NETNS_FOLDER}/${place.namespace}`, ...shell], {
    stdio: 'inherit',
    env: { ...process.env, ...env, PS1: `${place.name} \\w # ` },
  });
  await once(child, 'exit');
}

export async function joinDemo(demo: RunningDemo, place: Place): Promise<void> {
  const PATH = `${demo.binFolder}:${process.env['PATH'] ?? ''}`;
  await openShell(place, { HEDDLE_API_SOCKET: place.apiSocket, PATH });
}
