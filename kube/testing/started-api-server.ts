/**
 * kube-apiserver and etcd of one folder, on loopback with data of their own, for the suite of the API server's behaviour. The
 * folder is that of `setup-envtest` and of Kubernetes' release archives: `etcd` and `kube-apiserver`.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KubernetesError, messageOf } from '../../common/errors.js';
import { TestCredentials } from './test-credentials.js';
import { clientsOf, TOKENS, versionOf } from './tested-server.js';
import type { TestedServer } from './tested-server.js';

const STARTS_WITHIN_MS = 60_000;
const POLL_MS = 200;
const RSA_BITS = 2048;
/** Versions that are over before the API server reads etcd, so that a watch from version 1 is from a forgotten one. */
const FORGOTTEN_VERSIONS = 10;

export async function startApiServer(assets: string): Promise<TestedServer> {
  const credentials = new TestCredentials();
  const started: ChildProcess[] = [];
  const close = (): void => {
    for (const child of started) child.kill('SIGKILL');
    credentials.remove();
  };
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(join(assets, program), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    started.push(child);
    return child;
  };
  try {
    const [client, peer, secure] = await freePorts(3);
    const etcd = `http://127.0.0.1:${client}`;
    await works('etcd', start('etcd', etcdArgs(etcd, `http://127.0.0.1:${peer}`, credentials)), () => isHealthy(etcd));
    await passVersions(etcd);
    const clients = clientsOf(`https://127.0.0.1:${secure}`, credentials);
    const server = start('kube-apiserver', apiServerArgs(etcd, secure!, credentials));
    // Made by the server itself; events of nodes need it.
    await works('kube-apiserver', server, () => clients.api.get('/api/v1/namespaces/default'));
    const what = `kube-apiserver ${await versionOf(clients.api)} of ${assets}, started with etcd on ${etcd}`;
    return { what, isReal: true, ...clients, close };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

function etcdArgs(client: string, peer: string, { folder }: TestCredentials): string[] {
  return [
    ...['--data-dir', join(folder, 'etcd')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
  ];
}

function apiServerArgs(etcd: string, port: number, { folder, certFile, keyFile }: TestCredentials): string[] {
  const [accountKey, accountPublicKey] = [join(folder, 'accounts.key'), join(folder, 'accounts.pub')];
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS });
  writeFileSync(accountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(accountPublicKey, publicKey.export({ type: 'spki', format: 'pem' }));
  const tokens = join(folder, 'tokens.csv');
  const { admin, stranger } = TOKENS;
  writeFileSync(tokens, `${admin},admin,1,"system:masters"\n${stranger},stranger,2\n`, { mode: 0o600 });
  return [
    `--etcd-servers=${etcd}`,
    ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
    ...[`--tls-cert-file=${certFile}`, `--tls-private-key-file=${keyFile}`, `--cert-dir=${folder}`],
    ...[`--token-auth-file=${tokens}`, '--authorization-mode=RBAC'],
    ...['--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${accountPublicKey}`],
    ...[`--service-account-signing-key-file=${accountKey}`, '--disable-admission-plugins=ServiceAccount'],
    ...['--service-cluster-ip-range=10.96.0.0/16', '--endpoint-reconciler-type=none', '--allow-privileged=true'],
  ];
}

/** Waits until `ask` resolves. Throws KubernetesError with the program's last words when it has ended before, or hangs. */
async function works(program: string, child: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  child.on('error', (error) => (said += messageOf(error)));
  const deadlineMs = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    try {
      await ask();
      return;
    } catch (thrown) {
      const hasEnded = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
      if (!hasEnded && performance.now() < deadlineMs) await delay(POLL_MS);
      else throw new KubernetesError(null, `${program} does not work: ${messageOf(thrown)}; it said: ${said}`);
    }
  }
}

async function isHealthy(etcd: string): Promise<void> {
  const { health } = (await (await fetch(`${etcd}/health`)).json()) as { health: string };
  if (health !== 'true') throw new KubernetesError(null, `etcd at ${etcd}: expected health true, found ${health}`);
}

/** By etcd's JSON gateway; keys and values are base64. */
async function passVersions(etcd: string): Promise<void> {
  const [key, value] = ['heddle', ''].map((text) => Buffer.from(text).toString('base64'));
  for (let i = 0; i < FORGOTTEN_VERSIONS; i++) {
    const answer = await fetch(`${etcd}/v3/kv/put`, { method: 'POST', body: JSON.stringify({ key, value }) });
    if (!answer.ok) throw new KubernetesError(answer.status, `etcd at ${etcd}: cannot write: ${await answer.text()}`);
  }
}

/** Free at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
