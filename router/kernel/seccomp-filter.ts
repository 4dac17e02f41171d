/**
 * Seccomp filters as classic BPF programs (Linux `seccomp_filter.rst`). That of the router lists what is refused, not what is
 * allowed: the calls that Node, V8 and libc make differ between their versions, and a filter that forgets one of them ends a
 * healthy router. What a router needs none of after its start, and an intruder does, is the same everywhere. Pure.
 *
 * `kill` ends the process: nothing in a router makes such a call by mistake. The others return an error, so that a library that
 * tries and goes on without does so.
 */
import { HeddleError } from '../../common/errors.js';

/** Numbers of one call, `[x64, arm64]`; null where the architecture has none. */
type Call = readonly [x64: number | null, arm64: number | null];
type Verdict = 'kill' | 'refuse' | 'absent';

const CALLS: Readonly<Record<Verdict, Readonly<Record<string, Call>>>> = {
  kill: {
    fork: [57, null],
    vfork: [58, null],
    execve: [59, 221],
    execveat: [322, 281],
    ptrace: [101, 117],
    process_vm_readv: [310, 270],
    process_vm_writev: [311, 271],
    mount: [165, 40],
    umount2: [166, 39],
    pivot_root: [155, 41],
    chroot: [161, 51],
    setns: [308, 268],
    unshare: [272, 97],
    personality: [135, 92],
    bpf: [321, 280],
    perf_event_open: [298, 241],
    userfaultfd: [323, 282],
    init_module: [175, 105],
    finit_module: [313, 273],
    delete_module: [176, 106],
    kexec_load: [246, 104],
    kexec_file_load: [320, 294],
    add_key: [248, 217],
    request_key: [249, 218],
    keyctl: [250, 219],
    open_by_handle_at: [304, 265],
    pidfd_open: [434, 434],
    pidfd_getfd: [438, 438],
    pidfd_send_signal: [424, 424],
    open_tree: [428, 428],
    move_mount: [429, 429],
    fsopen: [430, 430],
    fsconfig: [431, 431],
    fsmount: [432, 432],
    fspick: [433, 433],
    mount_setattr: [442, 442],
  },
  refuse: {
    open: [2, null],
    creat: [85, null],
    openat: [257, 56],
    openat2: [437, 437],
    socket: [41, 198],
    socketpair: [53, 199],
    connect: [42, 203],
    bind: [49, 200],
    listen: [50, 201],
    tkill: [200, 130],
    rt_sigqueueinfo: [129, 138],
    rt_tgsigqueueinfo: [297, 240],
    memfd_create: [319, 279],
    name_to_handle_at: [303, 264],
    fanotify_init: [300, 262],
    // Memory and messages that processes share by a name.
    shmget: [29, 194],
    shmat: [30, 196],
    semget: [64, 190],
    msgget: [68, 186],
    mq_open: [240, 180],
    // Other processes.
    kcmp: [312, 272],
    process_madvise: [440, 440],
    process_mrelease: [448, 448],
    migrate_pages: [256, 238],
    move_pages: [279, 239],
    // Not used by a router, and often the way into a kernel.
    splice: [275, 76],
    tee: [276, 77],
    vmsplice: [278, 75],
    modify_ldt: [154, null],
  },
  // As on a kernel without them: libc then uses clone(2), whose flags a filter can see, and libuv epoll(7).
  absent: {
    clone3: [435, 435],
  },
};
/** What is done through a ring passes no filter. */
const IO_URING_SETUP: Call = [425, 425];
const IO_URING_USE: readonly Call[] = [
  [426, 426], // io_uring_enter
  [427, 427], // io_uring_register
];
/** mseal, of Linux 6.10. A call that is newer was not weighed here, and is answered as by a kernel without it. */
const NEWEST_WEIGHED = 462;

/** Calls whose first argument decides, or for ioctl(2) the second. */
const CLONE: Call = [56, 220];
const IOCTL: Call = [16, 29];
/** Types into the terminal that `meshd` was started from. */
const TIOCSTI = 0x5412;
const OWN_PROCESS_ONLY: readonly Call[] = [
  [62, 129], // kill
  [234, 131], // tgkill
];
const CLONE_THREAD = 0x0001_0000;

const ARCHITECTURES = {
  x64: { index: 0, audit: 0xc000_003e },
  arm64: { index: 1, audit: 0xc000_00b7 },
} as const;
/** Call numbers of x32, another set of calls that a 64-bit program can make. */
const X32_BIT = 0x4000_0000;

// linux/seccomp.h, linux/bpf_common.h; struct seccomp_data: number u32, architecture u32, instruction u64, six arguments u64.
const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const ERRNO = 0x0005_0000;
const EPERM = 1;
const ENOSYS = 38;
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;
const SECOND_ARGUMENT = 24;
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_NOT_LESS = 0x35;
const JUMP_SET = 0x45;
const RETURN = 0x06;

const RESULTS: Readonly<Record<Verdict, number>> = {
  kill: KILL_PROCESS,
  refuse: ERRNO | EPERM,
  absent: ERRNO | ENOSYS,
};

/** struct sock_filter: code u16, jumps if true and if false u8, value u32. */
export interface Instruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly value: number;
}

export interface RouterFilterOptions {
  /** The process that may send signals to itself. */
  readonly pid: number;
  /** The process has rings already, and its event loops end it when they cannot use them. */
  readonly hasRings: boolean;
}

/** @param architecture as `process.arch`. Throws PLATFORM_UNSUPPORTED for one without call numbers here */
export function routerFilter(architecture: string, { pid, hasRings }: RouterFilterOptions): Instruction[] {
  const { index } = systemCallsOf(architecture);
  const refusals = Object.entries(CALLS).flatMap(([verdict, calls]) =>
    Object.values(calls).flatMap((call) => onCall(call[index], give(RESULTS[verdict as Verdict]))),
  );
  const rings = [IO_URING_SETUP, ...(hasRings ? [] : IO_URING_USE)];
  const own = OWN_PROCESS_ONLY.flatMap((call) =>
    onCall(call[index], [load(FIRST_ARGUMENT), jump(JUMP_EQUAL, pid, 1, 0), ...give(RESULTS.refuse), ...give(ALLOW)]),
  );
  const clone = [load(FIRST_ARGUMENT), jump(JUMP_SET, CLONE_THREAD, 1, 0), ...give(KILL_PROCESS), ...give(ALLOW)];
  const ioctl = [load(SECOND_ARGUMENT), jump(JUMP_EQUAL, TIOCSTI, 0, 1), ...give(RESULTS.refuse), ...give(ALLOW)];
  return [
    ...onlyOf(architecture),
    jump(JUMP_NOT_LESS, NEWEST_WEIGHED + 1, 0, 1),
    ...give(RESULTS.absent),
    ...rings.flatMap((call) => onCall(call[index], give(RESULTS.absent))),
    ...refusals,
    ...own,
    ...onCall(CLONE[index], clone),
    ...onCall(IOCTL[index], ioctl),
    ...give(ALLOW),
  ];
}

/** Filter of a process whose children find no io_uring, as on a kernel without it. Throws as {@link routerFilter}. */
export function ringlessFilter(architecture: string): Instruction[] {
  const { index } = systemCallsOf(architecture);
  return [...onlyOf(architecture, ALLOW), ...onCall(IO_URING_SETUP[index], give(RESULTS.absent)), ...give(ALLOW)];
}

function systemCallsOf(architecture: string): (typeof ARCHITECTURES)[keyof typeof ARCHITECTURES] {
  if (architecture !== 'x64' && architecture !== 'arm64') {
    throw new HeddleError('PLATFORM_UNSUPPORTED', `no seccomp filter for the architecture ${architecture}`);
  }
  return ARCHITECTURES[architecture];
}

/** Loads the number of the call; calls of other architectures, and of x32, get the verdict `others`. */
function onlyOf(architecture: string, others = KILL_PROCESS): Instruction[] {
  return [
    load(ARCHITECTURE),
    jump(JUMP_EQUAL, systemCallsOf(architecture).audit, 1, 0),
    ...give(others),
    load(NUMBER),
    jump(JUMP_NOT_LESS, X32_BIT, 0, 1),
    ...give(others),
  ];
}

/** Runs `body`, which returns, for this call; goes on behind it for others. */
function onCall(call: number | null, body: readonly Instruction[]): Instruction[] {
  return call === null ? [] : [jump(JUMP_EQUAL, call, 0, body.length), ...body];
}

function load(offset: number): Instruction {
  return { code: LOAD, ifTrue: 0, ifFalse: 0, value: offset };
}

function jump(code: number, value: number, ifTrue: number, ifFalse: number): Instruction {
  return { code, ifTrue, ifFalse, value };
}

function give(result: number): Instruction[] {
  return [{ code: RETURN, ifTrue: 0, ifFalse: 0, value: result >>> 0 }];
}
