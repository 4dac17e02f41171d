/** Interactive shell inside a pod, on the terminal of the demo. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import type { Pod } from '../cluster/cluster.js';

/** Resolves when the shell ends. */
export async function openPodShell(pod: Pod): Promise<void> {
  // Without start-up files, which set another prompt.
  const shell = existsSync('/bin/bash') ? ['/bin/bash', '--norc', '--noprofile'] : ['/bin/sh'];
  const child = spawn('nsenter', [`--net=${pod.namespace.path}`, ...shell], {
    stdio: 'inherit',
    env: { ...process.env, PS1: `${pod.name} \\w # ` },
  });
  await once(child, 'exit');
}
