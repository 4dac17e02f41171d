import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../common/errors.js';
import { loadConfig } from '../config/config-sources.js';
import { SettingsReader } from './settings-reader.js';
import type { SettingsReaderDeps } from './settings-reader.js';
import { FakeSource } from './testing/fake-source.js';

const SECRET = new Uint8Array(32).fill(7);
const FILE = '/etc/heddle/config.yaml';

function readerOf(yaml: string, deps: Partial<SettingsReaderDeps> = {}): SettingsReader {
  return new SettingsReader({
    argv: [],
    env: {},
    readFile: (path) => (path === FILE ? yaml : null),
    readSecret: () => Promise.resolve({ secrets: [SECRET], isNone: false, warning: null }),
    readTrustedKeys: () => Promise.resolve([]),
    sources: [],
    started: null,
    hostName: 'host-1',
    ...deps,
  });
}

const nodeObject = (podCidrs: string[], waitingFor: string | null = null) =>
  new FakeSource('Node worker-1', { values: { podCidrs, clusterCidrs: ['10.1.0.0/16'] }, waitingFor });

describe('the reader of settings', () => {
  it('gives the configuration, parsed, with the secret', async () => {
    const { settings } = await readerOf('podCidrs: [10.1.1.0/24]\nclusterCidrs: [10.1.0.0/16]').read();
    expect(settings).toMatchObject({ nodeName: 'host-1', podCidrs: ['10.1.1.0/24'], clusterCidrs: ['10.1.0.0/16'] });
    expect(settings.clusterSecrets).toEqual([SECRET]);
  });

  it('takes from other sources what the configuration leaves open, and nothing else', async () => {
    const sources = [nodeObject(['10.1.4.0/24'])];
    const open = await readerOf('nodeName: a', { sources }).read();
    expect(open.settings.podCidrs).toEqual(['10.1.4.0/24']);
    const own = await readerOf('podCidrs: [10.1.9.0/24]', { sources }).read();
    expect(own.settings).toMatchObject({ podCidrs: ['10.1.9.0/24'], clusterCidrs: ['10.1.0.0/16'] });
  });

  it('names the source of a value that is wrong', async () => {
    const reading = readerOf('', { sources: [nodeObject(['10.1.4.0/99'])] }).read();
    await expect(reading).rejects.toThrow(ConfigError);
    await expect(readerOf('', { sources: [nodeObject(['10.1.4.0/99'])] }).read()).rejects.toThrow(
      'Node worker-1: podCidrs: "10.1.4.0/99"',
    );
  });

  it('checks values of different sources against each other', async () => {
    const reading = readerOf('clusterCidrs: [10.9.0.0/16]', { sources: [nodeObject(['10.1.4.0/24'])] }).read();
    await expect(reading).rejects.toThrow(
      'Node worker-1: podCidrs: 10.1.4.0/24 is not within clusterCidrs (10.9.0.0/16)',
    );
  });

  it('passes on what a source waits for', async () => {
    const sources = [nodeObject([], 'Node worker-1, which has no podCIDRs yet')];
    const reading = await readerOf('', { sources }).read();
    expect(reading.waitingFor).toBe('Node worker-1, which has no podCIDRs yet');
    expect(reading.settings.podCidrs).toEqual([]);
  });

  it('needs a secret where it decides who is a node, and where one was in force', async () => {
    const asked: boolean[] = [];
    let isNone = true;
    const readSecret = (_: string, isNeeded: boolean) => {
      asked.push(isNeeded);
      return Promise.resolve({ secrets: [SECRET], isNone, warning: null });
    };
    await readerOf('trust: secret', { readSecret }).read();
    const reader = readerOf('kubernetes: true\ntrust: kubernetes', { readSecret });
    await reader.read();
    isNone = false;
    await reader.read();
    await reader.read();
    expect(asked).toEqual([true, false, false, true]);
  });

  it('reads the list of keys where it decides who is a node; with an earlier configuration the list of that time', async () => {
    const files: string[] = [];
    const readTrustedKeys = (path: string) => (files.push(path), Promise.resolve([]));
    await readerOf('trust: secret', { readTrustedKeys }).read();
    expect(files).toEqual([]);
    const reader = readerOf('trust: keys\ntrustedKeysFile: /etc/keys', { readTrustedKeys });
    await reader.readEarlier((await reader.read()).settings.config);
    expect(files).toEqual(['/etc/keys', '/var/lib/heddle/trusted-keys']);
  });

  it('keeps what a running node cannot follow, and says what waits for a restart', async () => {
    const started = loadConfig(['--listen-port', '7000'], {}, () => null);
    const { settings, needsRestart } = await readerOf('listenPort: 7001\npodMtu: 1400', { started }).read();
    expect(settings.config).toMatchObject({ listenPort: 7000, podMtu: 1400 });
    expect(needsRestart).toEqual(['listenPort is 7000 until meshd is restarted, then 7001']);
  });

  it('holds an agent without a supervisor to its own first reading', async () => {
    let yaml = 'lanes: 1';
    const reader = readerOf('', { readFile: () => yaml });
    await reader.read();
    yaml = 'lanes: 2';
    const { settings, needsRestart } = await reader.read();
    expect(settings.config.lanes).toBe(1);
    expect(needsRestart).toHaveLength(1);
  });
});
