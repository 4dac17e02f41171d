/**
 * Check that the router serves this TAP and this UDP port: by the numbers of interface and sockets, since another interface
 * or socket may have the same name or port. Nothing is mended here: the supervisor replaces the router when its TAP is gone.
 */
import { HeddleError } from '../../common/errors.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import type { RouterDescriptors } from '../../common/router-port.js';
import type { HostPart } from './host-plan.js';
import type { UdpSocket } from './udp-sockets.js';

export const routerDescriptorsPart: HostPart = {
  name: 'router descriptors',
  async plan({ router, tapName, listenPort }, view) {
    if (router === null) return [];
    const tap = await view.tap(tapName);
    if (tap !== null) checkTap(router, tap);
    checkSockets(router, listenPort, await view.udpSockets());
    return [];
  },
};

function checkTap(router: RouterDescriptors, tap: InterfaceInfo): void {
  if (tap.index !== router.tapIndex) {
    throw new HeddleError(
      'NOT_FOUND',
      `${tap.name} is interface ${tap.index}, and the router serves interface ${router.tapIndex}: it is replaced soon`,
    );
  }
  // Absent from the output of old versions of `ip`.
  const queues = tap.settings['numqueues'];
  if (typeof queues === 'number' && queues > router.tapQueues) {
    const found = `${tap.name} has ${queues} queues, and the router serves ${router.tapQueues}`;
    throw new HeddleError('NOT_FOUND', `${found}: frames in the others are lost; end the other process that holds it`);
  }
}

function checkSockets(router: RouterDescriptors, port: number, sockets: readonly UdpSocket[]): void {
  const own = sockets.filter(({ inode }) => router.udpInodes.includes(inode));
  if (own.length === 0) {
    throw new HeddleError('NOT_FOUND', `the router's UDP socket is not among those of this network namespace`);
  }
  const shared = sockets.filter(
    (socket) => !own.includes(socket) && own.some(({ address }) => address === socket.address && socket.port === port),
  );
  if (shared.length === 0) return;
  throw new HeddleError(
    'LISTEN_FAILED',
    `UDP port ${port} is shared with another socket, which takes datagrams of the router: end the process that has it`,
  );
}
