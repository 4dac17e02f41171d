/** Checks of places that the node service takes: ports, folders, the CNI configuration, the cluster's secret, the list of keys. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { CNI_CONF_FILES } from '../../cni/index.js';
import type { Config } from '../../common/config.js';
import { ConfigError, messageOf } from '../../common/errors.js';
import { supervisorSocket } from '../../common/host/run-files.js';
import { isListening } from '../../common/host/unix-socket.js';
import { listUdpSockets } from '../host-network/udp-sockets.js';
import { loadClusterSecrets } from '../settings/cluster-secret.js';
import { loadTrustedKeys } from '../settings/trusted-keys.js';
import { failed, met, warned } from './finding.js';
import type { Finding } from './finding.js';

/** What runtimes take for a network configuration (libcni). */
const CONF_FILE = /\.(conf|conflist|json)$/;

export async function checkPorts(config: Config): Promise<Finding[]> {
  if (await isListening(supervisorSocket(config))) return [met('ports', 'meshd runs on this node and has its ports')];
  const { listenPort, apiAddress, apiPort } = config;
  const taken = (await listUdpSockets()).some(({ port }) => port === listenPort);
  const udp = taken
    ? failed('ports', `UDP port ${listenPort} is taken by another program`, `ss -lunp sport = :${listenPort}`)
    : met('ports', `UDP port ${listenPort} is free`);
  return apiAddress === '' || apiPort === 0 ? [udp] : [udp, await checkApiPort(apiAddress, apiPort)];
}

async function checkApiPort(address: string, port: number): Promise<Finding> {
  const name = `TCP port ${port} of ${address}`;
  try {
    await bindTcp(port, address);
    return met('ports', `${name} is free`);
  } catch (thrown) {
    return failed('ports', `${name} cannot be bound: ${messageOf(thrown)}`, `ss -ltnp sport = :${port}`);
  }
}

/** Closed at once. */
function bindTcp(port: number, address: string): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => server.close(() => resolve()));
  });
}

export function checkFolders({ stateDir, runDir, cniBinDir, cniConfDir }: Config): Finding[] {
  const folders = [stateDir, runDir, cniBinDir, cniConfDir].filter((folder) => folder !== '');
  const refused = folders.filter((folder) => !isWritable(folder));
  if (refused.length === 0) return [met('folders', `${folders.join(', ')} can be written`)];
  return refused.map((folder) => failed('folders', `${folder} cannot be written`, `findmnt --target ${folder}`));
}

/** A folder that does not exist is made in the nearest one that does. */
function isWritable(folder: string): boolean {
  if (!existsSync(folder) && folder !== '/') return isWritable(dirname(folder));
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false; // the finding says so
  }
}

/** Runtimes take the first file by name; a file of Heddle stays where it is. */
export function checkOtherNetworks({ cniConfDir }: Config): Finding[] {
  if (cniConfDir === '' || !existsSync(cniConfDir)) return [met('other-networks', 'no other network configuration')];
  const [ours = ''] = CNI_CONF_FILES;
  const others = readdirSync(cniConfDir).filter((name) => CONF_FILE.test(name) && !CNI_CONF_FILES.includes(name));
  const before = others.filter((name) => name < ours);
  if (others.length === 0) return [met('other-networks', `no other network configuration in ${cniConfDir}`)];
  if (before.length === 0) return [met('other-networks', `${ours} comes before ${others.join(', ')}`)];
  return before.map((name) => {
    const path = join(cniConfDir, name);
    return failed(
      'other-networks',
      `runtimes use ${name} instead of ${ours}, since it sorts first`,
      `mv ${path} ${path}.off`,
    );
  });
}

/** In Kubernetes the API server need not be asked for it: the Secret is mounted. */
export async function checkSecret({ clusterSecretFile, trust }: Config): Promise<Finding[]> {
  try {
    const { isNone, warning } = await loadClusterSecrets(clusterSecretFile, trust === 'secret');
    if (isNone) return [met('secret', 'none; the keys of the nodes decide')];
    const [, line = null] = /run "([^"]+)"/.exec(warning ?? '') ?? [];
    return [warning === null ? met('secret', `${clusterSecretFile} holds one`) : warned('secret', warning, line)];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const line = `openssl rand -hex 32 | install -D -m 600 /dev/stdin ${clusterSecretFile}`;
    return [failed('secret', thrown.problems.join('; '), line)];
  }
}

export async function checkTrustedKeys({ trustedKeysFile, trust }: Config): Promise<Finding[]> {
  if (trust !== 'keys') return [];
  try {
    const keys = await loadTrustedKeys(trustedKeysFile);
    return [met('trusted-keys', `${trustedKeysFile} names ${keys.length} nodes`)];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return [failed('trusted-keys', thrown.problems.join('; '), null)];
  }
}
