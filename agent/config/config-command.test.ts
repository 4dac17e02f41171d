import { describe, expect, it } from '@jest/globals';
import { describeConfig, readHostFile } from './config-command.js';

const noFile = () => null;

describe('describeConfig', () => {
  it('shows every setting with its value and where it was found', () => {
    const text = describeConfig(['--listen-port', '7000'], { HEDDLE_LOG_LEVEL: 'debug' }, noFile);
    expect(text).toMatch(/^listenPort +7000 +flag --listen-port$/m);
    expect(text).toMatch(/^logLevel +"debug" +environment HEDDLE_LOG_LEVEL$/m);
    expect(text).toMatch(/^bridgeName +"heddle0" +default$/m);
  });

  it('prints the whole configuration for programs', () => {
    const config: unknown = JSON.parse(describeConfig(['--json', '--listen-port', '7000'], {}, noFile));
    expect(config).toMatchObject({ listenPort: 7000, bridgeName: 'heddle0', podCidrs: [] });
  });

  it('reports every mistake instead', () => {
    expect(() => describeConfig(['--listen-port', '0'], {}, noFile)).toThrow(/listen-port/);
  });

  it('takes an error of the system for no wrong configuration', () => {
    const attempt = () => readHostFile('/dev/null/config.yaml');
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'STORE_FAILED', message: expect.stringContaining('ENOTDIR') }),
    );
  });

  it('names a file that is none', () => {
    const attempt = () => describeConfig(['--config', '/tmp'], {}, readHostFile);
    expect(attempt).toThrow('file /tmp cannot be read: /tmp is a directory (expected a regular file)');
  });
});
