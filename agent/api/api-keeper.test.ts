import { describe, expect, it } from '@jest/globals';
import { ConfigError, ListenError } from '../../common/errors.js';
import { silentLogger } from '../../common/log.js';
import { ApiKeeper } from './api-keeper.js';
import { NoticeLog } from '../../common/notice-log.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';

function harness(failures: readonly Error[]) {
  const clock = new VirtualClock();
  const state = { attempts: 0, closed: 0 };
  const keeper = new ApiKeeper({
    start: () => {
      const failure = failures[state.attempts++];
      if (failure !== undefined) return Promise.reject(failure);
      return Promise.resolve({ url: null, metricsPort: null, close: () => Promise.resolve(void state.closed++) });
    },
    clock,
    notices: new NoticeLog(silentLogger(), clock),
  });
  return { clock, state, keeper };
}

describe('ApiKeeper', () => {
  it('tries again until the port is free', async () => {
    const { clock, state, keeper } = harness([new ListenError('in use'), new ListenError('in use')]);
    await keeper.start();
    await clock.advanceSettled(10_000, 5_000);
    expect(state.attempts).toBe(3);
    await keeper.stop();
    expect(state.closed).toBe(1);
  });

  it('does not try again what can never work', async () => {
    const { clock, state, keeper } = harness([new ConfigError(['apiAddress is not loopback'])]);
    await expect(keeper.start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await clock.advanceSettled(10_000, 5_000);
    expect(state.attempts).toBe(1);
  });

  it('gives up when it is stopped', async () => {
    const { clock, state, keeper } = harness([new ListenError('in use')]);
    await keeper.start();
    await keeper.stop();
    await clock.advanceSettled(10_000, 5_000);
    expect(state.attempts).toBe(1);
  });
});
