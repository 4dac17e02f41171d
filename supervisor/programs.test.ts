import { describe, expect, it } from '@jest/globals';
import type { Config } from '../common/config.js';
import { routerLaunchOptions } from './programs.js';
import type { RouterKind } from './programs.js';

const config = {
  runDir: '/run/heddle',
  routerUser: 65534,
  lanes: 2,
  logLevel: 'info',
  cipher: 'auto',
} as unknown as Config;

describe('routerLaunchOptions', () => {
  it('numbers the descriptors from 4 on, as in the child', () => {
    const options = routerLaunchOptions(config, { tapFds: [21, 30], udpFds: [22, 40], tapName: 'heddle-tap' }, 'first');
    expect(options).toEqual({
      tapFds: [4, 5],
      udpFds: [6, 7],
      tapName: 'heddle-tap',
      portSocket: '/run/heddle/router.sock',
      user: 65534,
      lanes: 2,
      logLevel: 'info',
      offerAes: true,
      warmUp: true,
      standsBy: false,
    });
  });

  it('warms up what no pod waits for', () => {
    const descriptors = { tapFds: [20], udpFds: [21], tapName: 'heddle-tap' };
    const of = (kind: RouterKind) => routerLaunchOptions(config, descriptors, kind);
    expect(of('replacement')).toMatchObject({ warmUp: false, standsBy: false });
    expect(of('stand-by')).toMatchObject({ warmUp: false, standsBy: true });
  });

  it('offers no AES when the cipher is set to ChaCha20-Poly1305', () => {
    const descriptors = { tapFds: [20], udpFds: [21], tapName: 'heddle-tap' };
    expect(routerLaunchOptions({ ...config, cipher: 'chacha20-poly1305' }, descriptors, 'first').offerAes).toBe(false);
  });
});
