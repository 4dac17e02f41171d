import { describe, expect, it } from '@jest/globals';
import { assert, CommandError, ConfigError, HeddleError, messageOf, SystemCallError } from './errors.js';

describe('errors', () => {
  it('carry a stable code and are all HeddleErrors', () => {
    const error = new SystemCallError('ioctl TUNSETIFF', 16, 'device or resource busy');
    expect(error).toBeInstanceOf(HeddleError);
    expect(error).toMatchObject({ name: 'SystemCallError', code: 'SYSTEM_CALL_FAILED', errno: 16 });
    expect(error.message).toBe('ioctl TUNSETIFF failed with errno 16: device or resource busy');
  });

  it('list every problem of a configuration', () => {
    expect(new ConfigError(['one', 'two']).message).toBe('configuration is not valid:\n  - one\n  - two');
  });

  it('say "no message" for a program that printed none', () => {
    expect(new CommandError('nft -f -', null, ' \n').message).toBe('nft -f - failed with exit code none: no message');
  });

  it('assert throws a HeddleError with the code ASSERTION', () => {
    expect(() => assert(true, 'fine')).not.toThrow();
    expect(() => assert(false, 'one is two')).toThrow(new HeddleError('ASSERTION', 'assertion failed: one is two'));
  });

  it('messageOf gives text for any thrown value', () => {
    expect(messageOf(new TypeError('bad'))).toBe('bad');
    expect(messageOf('text')).toBe('text');
    expect(messageOf(undefined)).toBe('undefined');
  });
});
