/**
 * TAP device (Linux `tuntap.txt`): opening it, which takes CAP_NET_ADMIN, and negotiating offloads, which does not. The device
 * exists as long as a descriptor of it; a restarted router gets the same one from its parent.
 */
import { SystemCallError } from '../../common/errors.js';
import { Arena } from './arena.js';
import { sysClose, sysErrno, sysInterfaceIndex, sysIoctl, sysOpen } from './ffi.js';
import {
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TAP,
  IFF_VNET_HDR,
  IFREQ_BYTES,
  IFREQ_UNION,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_TSO_ECN,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNGETIFF,
  TUNSETIFF,
  TUNSETOFFLOAD,
} from './linux-abi.js';

const TUN_PATH = '/dev/net/tun';

/** From most to least, tried in turn: a kernel refuses a set with an offload it does not know (USO came with 6.2). */
const OFFLOADS = [
  { bits: TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6, uso: true, tso: true },
  { bits: TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN, uso: false, tso: true },
  { bits: TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, uso: false, tso: true },
  { bits: TUN_F_CSUM, uso: false, tso: false },
] as const;

export interface TapOffloads {
  readonly tso: boolean;
  /** Whether the kernel takes and gives UDP super-frames. */
  readonly uso: boolean;
}

export interface OpenTap {
  /** One per queue. */
  readonly fds: readonly number[];
  readonly name: string;
  /** Interface number; another TAP that is given the same name later has another one. */
  readonly index: number;
}

/**
 * Opens or creates the TAP `name` with one descriptor per queue, non-blocking. Throws {@link SystemCallError} with the likely
 * cause.
 */
export function openTap(options: { readonly name: string; readonly queues: number }): OpenTap {
  const arena = new Arena(4096);
  const fds: number[] = [];
  try {
    for (let queue = 0; queue < options.queues; queue++) fds.push(openQueue(arena, options.name, options.queues > 1));
  } catch (thrown) {
    fds.forEach((fd) => sysClose(fd));
    throw thrown;
  }
  return { fds, name: options.name, index: interfaceIndex(options.name) };
}

/** Number of the interface `name` in this network namespace, 0 when there is none. */
export function interfaceIndex(name: string): number {
  return sysInterfaceIndex(name);
}

function openQueue(arena: Arena, name: string, multiQueue: boolean): number {
  const fd = sysOpen(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    throw new SystemCallError('open', sysErrno(), `${TUN_PATH}: needs the tun module (modprobe tun) and root`);
  const request = 64;
  arena.u8.fill(0, request, request + IFREQ_BYTES);
  arena.u8.set(Buffer.from(name), request);
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multiQueue ? IFF_MULTI_QUEUE : 0);
  arena.view.setUint16(request + IFREQ_UNION, flags, true);
  if (sysIoctl(fd, TUNSETIFF, arena.base + request) >= 0) return fd;
  const errno = sysErrno();
  sysClose(fd);
  throw new SystemCallError(
    'ioctl TUNSETIFF',
    errno,
    `TAP ${name}: needs CAP_NET_ADMIN, and no other process may hold it`,
  );
}

/** Number of the interface that `fd` is a queue of; 0 when it was deleted. */
export function tapIndexOf(fd: number): number {
  const arena = new Arena(4096);
  const request = 64;
  if (sysIoctl(fd, TUNGETIFF, arena.base + request) < 0) return 0;
  const name = arena.u8.subarray(request, request + IFREQ_UNION);
  return sysInterfaceIndex(Buffer.from(name.subarray(0, name.indexOf(0))).toString());
}

/** Turns on the offloads that this kernel has, and returns them. */
export function negotiateOffloads(fd: number): TapOffloads {
  for (const { bits, ...offloads } of OFFLOADS) if (sysIoctl(fd, TUNSETOFFLOAD, bits) >= 0) return offloads;
  throw new SystemCallError(
    'ioctl TUNSETOFFLOAD',
    sysErrno(),
    'the kernel refuses every set of offloads, also checksum offload alone',
  );
}
