import { describe, expect, it } from '@jest/globals';
import { ringlessFilter, routerFilter } from './seccomp-filter.js';
import type { Instruction } from './seccomp-filter.js';

const PID = 4711;
const X64 = 0xc000003e;
const ARM64 = 0xc00000b7;
const ALLOWED = 0x7fff0000;
const KILLED = 0x80000000;
const REFUSED = 0x00050001;
const ABSENT = 0x00050026;

/** What the kernel's interpreter gives for a call. */
function run(
  program: readonly Instruction[],
  call: { nr: number; arch?: number; argument?: number; second?: number },
): number {
  const { nr, arch = X64, argument = 0, second = 0 } = call;
  let loaded = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, ifTrue, ifFalse, value } = program[at]!;
    const jumpIf = (condition: boolean) => (at += condition ? ifTrue : ifFalse);
    if (code === 0x20)
      loaded = new Map([
        [0, nr],
        [4, arch],
        [16, argument],
        [24, second],
      ]).get(value)!;
    else if (code === 0x15) jumpIf(loaded === value);
    else if (code === 0x35) jumpIf(loaded >= value);
    else if (code === 0x45) jumpIf((loaded & value) !== 0);
    else if (code === 0x06) return value;
  }
  return NaN;
}

describe('the seccomp filter of the router', () => {
  const x64 = routerFilter('x64', { pid: PID, hasRings: false });
  const arm64 = routerFilter('arm64', { pid: PID, hasRings: false });

  it('allows what a router does: read, write, recvmmsg, sendmmsg, poll, mmap, futex, accept4', () => {
    for (const nr of [0, 1, 299, 307, 7, 9, 202, 288]) expect(run(x64, { nr })).toBe(ALLOWED);
    for (const nr of [63, 64, 243, 269, 73, 222, 98, 242]) expect(run(arm64, { nr, arch: ARM64 })).toBe(ALLOWED);
  });

  it('kills for execve, ptrace, mount and bpf', () => {
    for (const nr of [59, 101, 165, 321]) expect(run(x64, { nr })).toBe(KILLED);
    for (const nr of [221, 117, 40, 280]) expect(run(arm64, { nr, arch: ARM64 })).toBe(KILLED);
  });

  it('refuses openat, socket and connect', () => {
    for (const nr of [257, 41, 42]) expect(run(x64, { nr })).toBe(REFUSED);
    for (const nr of [56, 198, 203]) expect(run(arm64, { nr, arch: ARM64 })).toBe(REFUSED);
  });

  it('allows new threads and no new processes', () => {
    expect(run(x64, { nr: 56, argument: 0x3d0f00 })).toBe(ALLOWED);
    expect(run(x64, { nr: 56, argument: 0x1200011 })).toBe(KILLED);
    expect(run(x64, { nr: 435 })).toBe(ABSENT);
  });

  it('allows signals to the own process only', () => {
    for (const nr of [62, 234]) {
      expect(run(x64, { nr, argument: PID })).toBe(ALLOWED);
      expect(run(x64, { nr, argument: 1 })).toBe(REFUSED);
    }
  });

  it('allows ioctl, but not to type into a terminal', () => {
    expect(run(x64, { nr: 16, second: 0x8004_54d2 })).toBe(ALLOWED);
    expect(run(x64, { nr: 16, second: 0x5412 })).toBe(REFUSED);
    expect(run(arm64, { nr: 29, arch: ARM64, second: 0x5412 })).toBe(REFUSED);
  });

  it('answers a call that is newer than its list as a kernel without it', () => {
    expect(run(x64, { nr: 462 })).toBe(ALLOWED);
    expect(run(x64, { nr: 463 })).toBe(ABSENT);
    expect(run(arm64, { nr: 5000, arch: ARM64 })).toBe(ABSENT);
  });

  it('has no io_uring, except that rings which exist stay usable', () => {
    for (const nr of [425, 426, 427]) expect(run(x64, { nr })).toBe(ABSENT);
    const withRings = routerFilter('x64', { pid: PID, hasRings: true });
    expect([425, 426, 427].map((nr) => run(withRings, { nr }))).toEqual([ABSENT, ALLOWED, ALLOWED]);
  });

  it('kills for calls of another architecture', () => {
    expect(run(x64, { nr: 1, arch: ARM64 })).toBe(KILLED);
    expect(run(x64, { nr: 0x40000001 })).toBe(KILLED);
  });

  it('knows no other architectures', () => {
    expect(() => routerFilter('ppc64', { pid: PID, hasRings: false })).toThrow(
      'no seccomp filter for the architecture ppc64',
    );
  });
});

describe('the filter of a process whose children find no io_uring', () => {
  it('answers io_uring_setup as a kernel without it, and allows all else', () => {
    const filter = ringlessFilter('arm64');
    expect(run(filter, { nr: 425, arch: ARM64 })).toBe(ABSENT);
    for (const nr of [221, 426, 5000]) expect(run(filter, { nr, arch: ARM64 })).toBe(ALLOWED);
    expect(run(filter, { nr: 425, arch: X64 })).toBe(ALLOWED);
  });
});
