/**
 * Program with the stand-in for the Kubernetes API server, for a network namespace. Usage: node dist/api-server.js ADDRESS PORT.
 * Each line of standard input is a change: `{"put": NODE}` or `{"delete": "NAME"}`, of other objects with the `path` of their
 * collection; `{"show": true}` prints nodes, objects that were made and rights that were used, as a line of JSON; `{"install": PATH}`
 * adds a kind, `{"slow": PATH, "ms": MS}` delays its watch. The rights of the manifest are all that requests have, until `{"take": RIGHT}` or `{"give": RIGHT}`.
 */
import { createInterface } from 'node:readline';
import { objects } from '../../deploy/kubernetes/objects.js';
import { defaults } from '../../deploy/kubernetes/value-source.js';
import { givenRights } from '../../kube/testing/needed-rights.js';
import type { Rule } from '../../kube/testing/needed-rights.js';
import type { TestNode } from '../../kube/testing/node-objects.js';
import { listen, StandInApiServer } from '../../kube/testing/stand-in-api-server.js';

interface Change {
  readonly show?: boolean;
  /** Of nodes, when it is left out. */
  readonly path?: string;
  readonly put?: TestNode;
  readonly delete?: string;
  readonly install?: string;
  readonly slow?: string;
  readonly ms?: number;
  readonly give?: string;
  readonly take?: string;
}

const [address = '127.0.0.1', port = '8001'] = process.argv.slice(2);
const api = new StandInApiServer();
api.allowed = new Set(givenRights(objects(defaults).flatMap((object) => (object as { rules?: Rule[] }).rules ?? [])));
await listen(api, address, Number(port));
for await (const line of createInterface({ input: process.stdin })) {
  const change = JSON.parse(line) as Change;
  const { path = '/api/v1/nodes' } = change;
  if (change.put !== undefined) api.put(path, change.put);
  if (change.show === true) {
    const { created, used, nodes } = api;
    process.stdout.write(`${JSON.stringify({ created, used: [...used], nodes })}\n`);
  }
  if (change.delete !== undefined) api.delete(path, change.delete);
  if (change.install !== undefined) api.install(change.install);
  if (change.slow !== undefined) api.watchDelaysMs.set(change.slow, change.ms ?? 0);
  if (change.give !== undefined) api.allowed.add(change.give);
  if (change.take !== undefined) api.allowed.delete(change.take);
}
process.exit(0);
