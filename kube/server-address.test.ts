import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../common/errors.js';
import { serverAddress } from './server-address.js';

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

function addressOf(configured: string, environment: Record<string, string>, lastKnown: string | null = null) {
  return serverAddress({ configured, env: environment, lastKnown })?.href ?? null;
}

describe('the address of the API server', () => {
  it('is the setting, else that of the environment, else the last one known', () => {
    expect(addressOf('https://192.0.2.1:6443', env)).toBe('https://192.0.2.1:6443/');
    expect(addressOf('', env, 'https://192.0.2.9:6443')).toBe('https://10.96.0.1/');
    expect(addressOf('', {}, 'https://192.0.2.9:6443')).toBe('https://192.0.2.9:6443/');
    expect(addressOf('', {})).toBeNull();
  });

  it('may be IPv6, and on another port', () => {
    const ipv6 = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    expect(addressOf('', ipv6)).toBe('https://[fd00::1]:6443/');
  });

  it.each(['192.0.2.1:6443', 'ftp://x', 'https://'])('is refused as %s, with what is expected', (text) => {
    expect(() => addressOf(text, env)).toThrow(ConfigError);
    expect(() => addressOf(text, env)).toThrow('expected https://HOST:PORT');
  });
});
