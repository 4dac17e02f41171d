import { describe, expect, it } from '@jest/globals';
import { HeddleError } from '../common/errors.js';
import { DescriptorKeeper } from './descriptors.js';

function harness(options: { failUdp?: number } = {}) {
  const state = { nextFd: 10, tapIndex: 0, udpFailures: options.failUdp ?? 0 };
  const calls: string[] = [];
  const take = (count: number) => Array.from({ length: count }, () => state.nextFd++);
  const keeper = new DescriptorKeeper({
    source: {
      openTap: ({ name, queues }) => {
        calls.push('openTap');
        if (state.tapIndex === 0) state.tapIndex = state.nextFd;
        return { fds: take(queues), name, index: state.tapIndex };
      },
      openUnderlaySockets: ({ count }) => {
        calls.push('openUnderlaySockets');
        if (state.udpFailures-- > 0) throw new HeddleError('SYSTEM_CALL_FAILED', 'bind: address in use');
        return { fds: take(count) };
      },
      interfaceIndex: () => state.tapIndex,
      takeDescriptors: (router, { name }) => {
        calls.push(`take from ${router}`);
        return { tap: { fds: take(2), name, index: state.tapIndex }, udpFds: take(2) };
      },
      checkDescriptors: (fds, { name, queues }) => {
        calls.push(`check ${fds.join()}`);
        return { tap: { fds: fds.slice(0, queues), name, index: state.tapIndex }, udpFds: fds.slice(queues) };
      },
    },
    tap: { name: 'heddle-tap', queues: 2 },
    underlay: { address: '', port: 6785, count: 2 },
    close: (fd) => calls.push(`close ${fd}`),
  });
  return { state, calls, keeper };
}

describe('DescriptorKeeper', () => {
  it('opens descriptors once and gives the same ones to every router', () => {
    const { calls, keeper } = harness();
    const first = keeper.ensure();
    expect(first).toEqual({ tapFds: [10, 11], udpFds: [12, 13], tapName: 'heddle-tap' });
    expect(keeper.ensure()).toEqual(first);
    expect(calls).toEqual(['openTap', 'openUnderlaySockets']);
  });

  it('opens a deleted TAP again and keeps the sockets', () => {
    const { state, calls, keeper } = harness();
    keeper.ensure();
    state.tapIndex = 0;
    expect(keeper.tapIsGone()).toBe(true);
    expect(keeper.ensure()).toEqual({ tapFds: [14, 15], udpFds: [12, 13], tapName: 'heddle-tap' });
    expect(calls.slice(2)).toEqual(['close 10', 'close 11', 'openTap']);
  });

  it('notices that the TAP was deleted and another interface has its name', () => {
    const { state, keeper } = harness();
    keeper.ensure();
    state.tapIndex = 99;
    expect(keeper.tapIsGone()).toBe(true);
  });

  it('keeps the TAP when the UDP port is in use, and opens only the sockets the next time', () => {
    const { calls, keeper } = harness({ failUdp: 1 });
    expect(() => keeper.ensure()).toThrow('address in use');
    expect(keeper.ensure().tapFds).toEqual([10, 11]);
    expect(calls).toEqual(['openTap', 'openUnderlaySockets', 'openUnderlaySockets']);
  });

  it('takes those of a router that runs, and opens none', () => {
    const { calls, keeper } = harness();
    keeper.takeFrom(77);
    expect(keeper.ensure()).toEqual({ tapFds: [10, 11], udpFds: [12, 13], tapName: 'heddle-tap' });
    expect(calls).toEqual(['take from 77']);
  });

  it('closes everything at the end', () => {
    const { calls, keeper } = harness();
    keeper.ensure();
    keeper.close();
    expect(calls.slice(2)).toEqual(['close 10', 'close 11', 'close 12', 'close 13']);
  });
});
