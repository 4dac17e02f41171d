/**
 * Program with the stand-in for the Kubernetes API server, for a network namespace. Usage: node dist/api-server.js ADDRESS PORT.
 * Each line of standard input is a change: `{"put": NODE}` or `{"delete": "NAME"}`.
 */
import { createInterface } from 'node:readline';
import type { TestNode } from '../../kube/testing/node-objects.js';
import { listen, StandInApiServer } from '../../kube/testing/stand-in-api-server.js';

interface Change {
  readonly put?: TestNode;
  readonly delete?: string;
}

const [address = '127.0.0.1', port = '8001'] = process.argv.slice(2);
const api = new StandInApiServer();
await listen(api, address, Number(port));
for await (const line of createInterface({ input: process.stdin })) {
  const change = JSON.parse(line) as Change;
  if (change.put !== undefined) api.putNode(change.put);
  if (change.delete !== undefined) api.deleteNode(change.delete);
}
process.exit(0);
