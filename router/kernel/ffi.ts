/**
 * Foreign function interface, the only importer of koffi: system calls and OpenSSL functions as functions over numbers.
 * Addresses are numbers (user-space addresses have 47 bits, so they are exact). A wrong address corrupts memory: only
 * `arena.ts` makes them, and every length from outside is checked before it gets here.
 */
import koffi from 'koffi';
import { HeddleError, messageOf } from '../../common/errors.js';

const POINTER = 'size_t';

const libc = koffi.load('libc.so.6');
/** Symbols of the process itself: the OpenSSL that Node is linked with. */
const self = koffi.load(null);

type Native<A extends number[] = number[]> = (...args: A) => number;

function libcFunction<A extends number[]>(name: string, result: string, args: string[]): Native<A> {
  return libc.func(name, result, args);
}

export const sysIoctl = libcFunction<[fd: number, request: number, argument: number]>('ioctl', 'int', [
  'int',
  'ulong',
  POINTER,
]);
export const sysRead = libcFunction<[fd: number, buffer: number, length: number]>('read', 'long', [
  'int',
  POINTER,
  POINTER,
]);
export const sysWrite = libcFunction<[fd: number, buffer: number, length: number]>('write', 'long', [
  'int',
  POINTER,
  POINTER,
]);
export const sysWritev = libcFunction<[fd: number, iovecs: number, count: number]>('writev', 'long', [
  'int',
  POINTER,
  'int',
]);
export const sysPoll = libcFunction<[fds: number, count: number, timeoutMs: number]>('poll', 'int', [
  POINTER,
  'ulong',
  'int',
]);
export const sysSocket = libcFunction<[domain: number, type: number, protocol: number]>('socket', 'int', [
  'int',
  'int',
  'int',
]);
export const sysSocketpair = libcFunction<[domain: number, type: number, protocol: number, pair: number]>(
  'socketpair',
  'int',
  ['int', 'int', 'int', POINTER],
);
export const sysBind = libcFunction<[fd: number, address: number, length: number]>('bind', 'int', [
  'int',
  POINTER,
  'uint',
]);
export const sysGetsockname = libcFunction<[fd: number, address: number, length: number]>('getsockname', 'int', [
  'int',
  POINTER,
  POINTER,
]);
/** Makes `to` another descriptor of what `from` is, closing what it was, in one step. `flags`: O_CLOEXEC or 0. */
export const sysDup3 = libcFunction<[from: number, to: number, flags: number]>('dup3', 'int', ['int', 'int', 'int']);
export const sysSetsockopt = libcFunction<[fd: number, level: number, name: number, value: number, length: number]>(
  'setsockopt',
  'int',
  ['int', 'int', 'int', POINTER, 'uint'],
);
export const sysGetsockopt = libcFunction<[fd: number, level: number, name: number, value: number, length: number]>(
  'getsockopt',
  'int',
  ['int', 'int', 'int', POINTER, POINTER],
);
export const sysSendmmsg = libcFunction<[fd: number, messages: number, count: number, flags: number]>(
  'sendmmsg',
  'int',
  ['int', POINTER, 'uint', 'int'],
);
export const sysRecvmmsg = libcFunction<[fd: number, messages: number, count: number, flags: number, timeout: number]>(
  'recvmmsg',
  'int',
  ['int', POINTER, 'uint', 'int', POINTER],
);
export const sysNanosleep = libcFunction<[wanted: number, left: number]>('nanosleep', 'int', [POINTER, POINTER]);
export const sysSchedSetscheduler = libcFunction<[thread: number, policy: number, parameters: number]>(
  'sched_setscheduler',
  'int',
  ['int', 'int', POINTER],
);
export const sysPread = libcFunction<[fd: number, buffer: number, length: number, offset: number]>('pread', 'long', [
  'int',
  POINTER,
  POINTER,
  'long',
]);
export const sysEventfd = libcFunction<[initial: number, flags: number]>('eventfd', 'int', ['uint', 'int']);
export const sysClose = libcFunction<[fd: number]>('close', 'int', ['int']);
export const sysPrctl = libcFunction<[option: number, a: number, b: number, c: number, d: number]>('prctl', 'int', [
  'int',
  'ulong',
  'ulong',
  'ulong',
  'ulong',
]);
export const sysSetns = libcFunction<[fd: number, kind: number]>('setns', 'int', ['int', 'int']);
export const sysCapset = libcFunction<[header: number, data: number]>('capset', 'int', [POINTER, POINTER]);
const sysMmap = libcFunction<
  [address: number, length: number, protection: number, flags: number, fd: number, offset: number]
>('mmap', POINTER, [POINTER, POINTER, 'int', 'int', 'int', 'long']);
export const sysMadvise = libcFunction<[address: number, length: number, advice: number]>('madvise', 'int', [
  POINTER,
  POINTER,
  'int',
]);

/** System calls without a function of libc. */
export const sysCall = libcFunction<[number: number, a: number, b: number, c: number]>('syscall', 'long', [
  'long',
  POINTER,
  POINTER,
  POINTER,
]);

const chrootPath = libc.func('chroot', 'int', ['str']) as unknown as (path: string) => number;
export function sysChroot(path: string): number {
  return chrootPath(path);
}

const openPath = libc.func('open', 'int', ['str', 'int']) as unknown as (path: string, flags: number) => number;
export function sysOpen(path: string, flags: number): number {
  return openPath(path, flags);
}

const nameToIndex = libc.func('if_nametoindex', 'uint', ['str']) as unknown as (name: string) => number;
/** Number of the interface `name` in this network namespace, 0 when there is none (if_nametoindex(3)). */
export function sysInterfaceIndex(name: string): number {
  return nameToIndex(name);
}

/** errno of the last failed call made on this thread. */
export function sysErrno(): number {
  return koffi.errno();
}

/** Anonymous private memory, at `wanted` if the flags say so; the address, or 0 on failure. */
export function mapMemory(bytes: number, protection: number, flags: number, wanted = 0): number {
  const address = sysMmap(wanted, bytes, protection, flags, -1, 0);
  return address >= Number.MAX_SAFE_INTEGER ? 0 : address;
}

/** The memory at `address` as an ArrayBuffer; it is never freed. */
export function viewMemory(address: number, bytes: number): ArrayBuffer {
  return koffi.view(BigInt(address), bytes);
}

/** One function of the OpenSSL in this process; throws when the build of Node does not export it. */
export function opensslFunction<A extends number[]>(name: string, result: 'int' | 'void' | 'pointer', args: string[]) {
  try {
    return self.func(name, result === 'pointer' ? POINTER : result, args) as unknown as Native<A>;
  } catch (thrown) {
    throw new HeddleError('PLATFORM_UNSUPPORTED', `this build of Node does not export OpenSSL's ${name}`, {
      cause: thrown,
    });
  }
}

/** A shared library that may be missing: null then, and `reason` says why. */
export function loadOptionalLibrary(soname: string): { library: OptionalLibrary | null; reason: string } {
  try {
    const library = koffi.load(soname);
    return {
      library: {
        func: <A extends number[]>(name: string, result: 'int' | 'void' | 'pointer', args: string[]): Native<A> =>
          library.func(name, result === 'pointer' ? POINTER : result, args),
      },
      reason: '',
    };
  } catch (thrown) {
    return { library: null, reason: messageOf(thrown) };
  }
}

export interface OptionalLibrary {
  /** Throws when the library has no such function. */
  func<A extends number[]>(name: string, result: 'int' | 'void' | 'pointer', args: string[]): Native<A>;
}

/** The type name of an address argument in the lists above. */
export const ADDRESS = POINTER;

/** As {@link sysSetsockopt}, for a value outside an arena. */
export const sysSetSocketOption: (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: number,
) => number = libc.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']);

/** Functions around posix_spawn(3). Structures are opaque bytes; lists of texts end with null. */
const BYTES = 'void *';
const TEXTS = 'const char **';
export const sysPosixSpawn: (
  pid: Uint8Array,
  path: string,
  actions: Uint8Array,
  attributes: Uint8Array,
  args: readonly (string | null)[],
  environment: readonly (string | null)[],
) => number = libc.func('posix_spawn', 'int', [BYTES, 'str', BYTES, BYTES, TEXTS, TEXTS]);
export const spawnActionsInit: (actions: Uint8Array) => number = libc.func('posix_spawn_file_actions_init', 'int', [
  BYTES,
]);
export const spawnActionsDup2: (actions: Uint8Array, fd: number, as: number) => number = libc.func(
  'posix_spawn_file_actions_adddup2',
  'int',
  [BYTES, 'int', 'int'],
);
export const spawnActionsDestroy: (actions: Uint8Array) => number = libc.func(
  'posix_spawn_file_actions_destroy',
  'int',
  [BYTES],
);
export const spawnAttributesInit: (attributes: Uint8Array) => number = libc.func('posix_spawnattr_init', 'int', [
  BYTES,
]);
export const spawnAttributesSetFlags: (attributes: Uint8Array, flags: number) => number = libc.func(
  'posix_spawnattr_setflags',
  'int',
  [BYTES, 'short'],
);
export const spawnAttributesSetMask: (attributes: Uint8Array, signals: Uint8Array) => number = libc.func(
  'posix_spawnattr_setsigmask',
  'int',
  [BYTES, BYTES],
);
export const spawnAttributesSetDefaults: (attributes: Uint8Array, signals: Uint8Array) => number = libc.func(
  'posix_spawnattr_setsigdefault',
  'int',
  [BYTES, BYTES],
);
export const signalsFill: (signals: Uint8Array) => number = libc.func('sigfillset', 'int', [BYTES]);
export const signalsEmpty: (signals: Uint8Array) => number = libc.func('sigemptyset', 'int', [BYTES]);
export const sysPipe: (pair: Uint8Array, flags: number) => number = libc.func('pipe2', 'int', [BYTES, 'int']);
export const sysWaitPid: (pid: number, status: Uint8Array, options: number) => number = libc.func('waitpid', 'int', [
  'int',
  BYTES,
  'int',
]);
