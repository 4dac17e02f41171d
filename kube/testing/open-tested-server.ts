/**
 * API server for the suite of its behaviour: the stand-in, or with `npm run test:kube` a real one: kube-apiserver and etcd of the
 * folder `KUBEBUILDER_ASSETS`, else the cluster of `KUBECONFIG` by way of `kubectl proxy`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { KubernetesError } from '../../common/errors.js';
import type { ApiServer } from '../api-server.js';
import { StandInApiServer } from './stand-in-api-server.js';
import { startApiServer } from './started-api-server.js';
import { apiClient, TestCredentials } from './test-credentials.js';
import { clientsOf, TOKENS, versionOf } from './tested-server.js';
import type { TestedServer } from './tested-server.js';

const PROXY_SERVES = /Starting to serve on (\S+)/;

export async function openTestedServer(env: NodeJS.ProcessEnv): Promise<TestedServer> {
  const { REAL_API_SERVER: isWanted, KUBEBUILDER_ASSETS: assets, KUBECONFIG: config } = env;
  if (isWanted !== undefined && assets !== undefined) return startApiServer(assets);
  if (isWanted !== undefined && config !== undefined) return clusterOf(config);
  return standIn();
}

async function standIn(): Promise<TestedServer> {
  const credentials = new TestCredentials();
  const standing = new StandInApiServer();
  standing.tokens = new Map([
    [TOKENS.admin, null],
    [TOKENS.stranger, new Set()],
  ]);
  const identity = { key: readFileSync(credentials.keyFile), cert: readFileSync(credentials.certFile) };
  const server = createServer(identity, standing.listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    what: 'the stand-in',
    isReal: false,
    ...clientsOf(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, credentials),
    close: () => {
      server.closeAllConnections();
      server.close();
      credentials.remove();
    },
  };
}

/** `kubectl proxy` has the credentials of the file, whatever their kind, and the stranger by impersonation. */
async function clusterOf(config: string): Promise<TestedServer> {
  const [own, strange] = await Promise.all([startProxy([]), startProxy(['--as=heddle-stranger'])]);
  return {
    what: `the cluster of ${config}, ${await versionOf(own.api)}`,
    isReal: true,
    api: own.api,
    stranger: strange.api,
    unknown: null,
    close: () => [own, strange].forEach((proxy) => proxy.close()),
  };
}

async function startProxy(args: readonly string[]): Promise<{ readonly api: ApiServer; readonly close: () => void }> {
  const proxy = spawn('kubectl', ['proxy', '--port=0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: proxy.stdout })) {
    const address = PROXY_SERVES.exec(line)?.[1];
    if (address !== undefined) return { api: apiClient(`http://${address}`), close: () => proxy.kill() };
  }
  throw new KubernetesError(null, 'kubectl proxy ended before it served: see its message above');
}
