/** Network namespaces that netlink messages name, or that sockets are made in. A socket stays where it is made. */
import { closeSync } from 'node:fs';
import { codeOf, HeddleError, messageOf, SystemCallError } from '../../common/errors.js';
import { inNetworkNamespace, NetlinkSocket, openNetworkNamespace } from '../../router/index.js';
import type { NetlinkProtocol } from '../../router/index.js';

/** setns(2): the file is no network namespace. */
const EINVAL = 22;
const NO_FILE = ['ENOENT', 'ENOTDIR'];

/** Descriptors of namespaces, by path. Bounded by the requests of one run. */
export class OpenNamespaces {
  readonly #descriptors = new Map<string, number>();

  /** Throws as {@link openNetlinkSocket}. */
  open(path: string): void {
    if (this.#descriptors.has(path)) return;
    const fd = enter(path, () => openNetworkNamespace(path));
    this.#descriptors.set(path, fd);
  }

  descriptor(path: string): number {
    return this.#descriptors.get(path) ?? -1;
  }

  close(): void {
    for (const fd of this.#descriptors.values()) closeSync(fd);
  }
}

/**
 * Throws HeddleError NOT_FOUND without a namespace at the path, HOST_REFUSED when it cannot be entered.
 * @param netns path; null for the namespace of this process
 */
export function openNetlinkSocket(protocol: NetlinkProtocol, netns: string | null): NetlinkSocket {
  const open = (): NetlinkSocket => new NetlinkSocket(protocol);
  return netns === null ? open() : enter(netns, () => inNetworkNamespace(netns, open));
}

function enter<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const isAbsent = thrown instanceof SystemCallError ? thrown.errno === EINVAL : NO_FILE.includes(codeOf(thrown));
    const what = isAbsent ? 'no network namespace at' : 'cannot enter network namespace';
    const code = isAbsent ? 'NOT_FOUND' : 'HOST_REFUSED';
    throw new HeddleError(code, `${what} ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
