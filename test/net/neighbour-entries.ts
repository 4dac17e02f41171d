/** Traffic that makes neighbour entries where addresses are on-link, and their number in a namespace. */
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';

/** Entries with a MAC. @param family both when left out */
export async function neighbours(namespace: NetworkNamespace, family?: '4' | '6'): Promise<number> {
  const entries = await namespace.ip(...(family === undefined ? [] : [`-${family}`]), 'neigh');
  return entries.split('\n').filter((line) => line.includes('lladdr')).length;
}

/** A datagram to each of `count` addresses with every prefix, from the 20th on. */
export async function sendToMany(from: NetworkNamespace, count: number, prefixes: readonly string[]): Promise<void> {
  await from.run('python3', ['-c', SEND_TO_MANY, String(count), ...prefixes]);
}

const SEND_TO_MANY = `
import socket, sys
for prefix in sys.argv[2:]:
    s = socket.socket(socket.AF_INET6 if ':' in prefix else socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(20, 20 + int(sys.argv[1])):
        try: s.sendto(b'x', (prefix + (format(i, 'x') if ':' in prefix else str(i)), 9))
        except OSError: pass
`;
