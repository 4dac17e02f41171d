import { describe, expect, it } from '@jest/globals';
import { routerFilter } from './seccomp-filter.js';
import type { Instruction } from './seccomp-filter.js';

const PID = 4711;
const X64 = 0xc000003e;
const ARM64 = 0xc00000b7;
const ALLOWED = 0x7fff0000;
const KILLED = 0x80000000;
const REFUSED = 0x00050001;
const ABSENT = 0x00050026;

/** What the kernel's interpreter gives for a call. */
function run(program: readonly Instruction[], call: { nr: number; arch?: number; argument?: number }): number {
  const { nr, arch = X64, argument = 0 } = call;
  let loaded = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, ifTrue, ifFalse, value } = program[at]!;
    const jumpIf = (condition: boolean) => (at += condition ? ifTrue : ifFalse);
    if (code === 0x20)
      loaded = new Map([
        [0, nr],
        [4, arch],
        [16, argument],
      ]).get(value)!;
    else if (code === 0x15) jumpIf(loaded === value);
    else if (code === 0x35) jumpIf(loaded >= value);
    else if (code === 0x45) jumpIf((loaded & value) !== 0);
    else if (code === 0x06) return value;
  }
  return NaN;
}

describe('the seccomp filter of the router', () => {
  const x64 = routerFilter('x64', PID);
  const arm64 = routerFilter('arm64', PID);

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

  it('kills for calls of another architecture', () => {
    expect(run(x64, { nr: 1, arch: ARM64 })).toBe(KILLED);
    expect(run(x64, { nr: 0x40000001 })).toBe(KILLED);
  });

  it('knows no other architectures', () => {
    expect(() => routerFilter('ppc64', PID)).toThrow('no seccomp filter for the architecture ppc64');
  });
});
