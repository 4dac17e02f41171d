import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../common/errors.js';
import { isLoopbackHost, requireLoopback } from './loopback.js';

describe('address to bind', () => {
  it.each([
    ['localhost', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.9.8.7', '127.9.8.7'],
    ['::1', '::1'],
  ])('%s is loopback', (text, address) => {
    expect(requireLoopback(text)).toBe(address);
  });

  it.each([
    '0.0.0.0',
    '::',
    '192.0.2.1',
    '10.0.0.1',
    '127.1',
    '0x7f.0.0.1',
    'example.org',
    '::ffff:127.0.0.1',
    '[::1]',
  ])('%s is refused', (text) => {
    expect(() => requireLoopback(text)).toThrow(ConfigError);
    expect(() => requireLoopback(text)).toThrow(text);
  });
});

describe('host of a request', () => {
  it.each(['localhost', 'LocalHost:8080', '127.0.0.1', '127.0.0.1:6786', '127.3.2.1:1', '[::1]', '[::1]:6786'])(
    '%s can only be this machine',
    (host) => {
      expect(isLoopbackHost(host)).toBe(true);
    },
  );

  it.each([
    undefined,
    '',
    'example.org',
    'localhost.example.org',
    '127.0.0.1.example.org',
    '10.0.0.1',
    '[::2]',
    'localhost:x',
    '127.0.0.1:6786:1',
  ])('%s could be another', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});
