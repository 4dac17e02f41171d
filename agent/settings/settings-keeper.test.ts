import { describe, expect, it } from '@jest/globals';
import { ConfigError, HeddleError } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import { NoticeLog } from '../../common/notice-log.js';
import { settle, VirtualClock } from '../../common/testing/virtual-clock.js';
import { loadConfig } from '../config/config-sources.js';
import type { NodeSettings } from './node-settings.js';
import { SettingsKeeper } from './settings-keeper.js';
import { SettingsReader } from './settings-reader.js';
import { FakeSource } from './testing/fake-source.js';

const GOOD = 'podCidrs: [10.1.1.0/24]\nclusterCidrs: [10.1.0.0/16]';
const OTHER = 'podCidrs: [10.1.2.0/24]\nclusterCidrs: [10.1.0.0/16]';
const BAD = 'podCidrs: [nonsense]\nclusterCidrs: [10.1.0.0/16]';
const READ_INTERVAL_MS = 2_000;

/** A keeper over a file, a secret and a source that the test changes. */
function harness(yaml = GOOD, recorded: string | null = null) {
  const clock = new VirtualClock();
  const lines: { message: string; fields: unknown }[] = [];
  const write = (fields: unknown, message?: string) => lines.push({ message: message ?? String(fields), fields });
  const log = { info: write, warn: write, error: write } as unknown as Logger;
  const host = { yaml, secret: new Uint8Array(32).fill(1), storeIsFull: false };
  const source = new FakeSource('Node a', { values: {}, waitingFor: null });
  const reader = new SettingsReader({
    argv: [],
    env: {},
    readFile: () => host.yaml,
    readSecret: () => Promise.resolve({ secrets: [host.secret], isNone: false, warning: null }),
    readTrustedKeys: () => Promise.resolve([]),
    sources: [source],
    started: null,
    hostName: 'host-1',
  });
  const open = () =>
    SettingsKeeper.open({
      reader,
      sources: [source],
      lastInForce: () => (recorded === null ? null : loadConfig([], {}, () => recorded)),
      clock,
      notices: new NoticeLog(log, clock),
    });
  const prepared: NodeSettings[] = [];
  let applied = 0;
  const follower = {
    prepare: (next: NodeSettings) => {
      if (host.storeIsFull) return Promise.reject(new HeddleError('STORE_FAILED', 'no space left'));
      prepared.push(next);
      return Promise.resolve();
    },
    applied: () => void applied++,
  };
  return { clock, lines, host, source, open, follower, prepared, applied: () => applied };
}

/** Lets the periodic reading happen. */
async function nextReading(clock: VirtualClock): Promise<void> {
  clock.advance(READ_INTERVAL_MS);
  for (let i = 0; i < 5; i++) await settle();
}

describe('the keeper of settings', () => {
  it('follows the file within two seconds, and at once when it is told to', async () => {
    const { clock, host, open, follower, prepared, applied } = harness();
    const keeper = await open();
    keeper.start(follower);
    host.yaml = OTHER;
    expect(keeper.current.podCidrs).toEqual(['10.1.1.0/24']);
    await nextReading(clock);
    expect(keeper.current.podCidrs).toEqual(['10.1.2.0/24']);
    host.yaml = GOOD;
    await keeper.reload();
    expect(keeper.current.podCidrs).toEqual(['10.1.1.0/24']);
    expect(prepared).toHaveLength(2);
    expect(applied()).toBe(2);
    await keeper.stop();
    expect(clock.pending).toBe(0);
  });

  it('applies nothing when nothing changed', async () => {
    const { clock, open, follower, prepared, applied } = harness();
    const keeper = await open();
    keeper.start(follower);
    await nextReading(clock);
    await nextReading(clock);
    expect(prepared).toEqual([]);
    expect(applied()).toBe(0);
  });

  it('follows another secret in the same file', async () => {
    const { host, open, follower, prepared } = harness();
    const keeper = await open();
    keeper.start(follower);
    host.secret = new Uint8Array(32).fill(2);
    await keeper.reload();
    expect(prepared.map(({ clusterSecrets }) => clusterSecrets[0]![0])).toEqual([2]);
  });

  it('never writes a secret to the log', async () => {
    const { host, open, follower, lines } = harness();
    const keeper = await open();
    keeper.start(follower);
    host.secret = new Uint8Array(32).fill(0xab);
    await keeper.reload();
    expect(lines.at(-1)).toMatchObject({ message: 'settings changed', fields: { changed: ['clusterSecretFile'] } });
    expect(JSON.stringify(lines)).not.toMatch(/171|abab/);
  });

  it('refuses a wrong value as a whole, names it, and keeps the settings before until it is mended', async () => {
    const { host, open, follower, prepared, lines } = harness();
    const keeper = await open();
    keeper.start(follower);
    host.yaml = `${BAD}\npodMtu: 1400`;
    await keeper.reload();
    expect(keeper.current.config).toMatchObject({ podCidrs: ['10.1.1.0/24'], podMtu: 0 });
    expect(keeper.report.refused).toContain('/etc/heddle/config.yaml: podCidrs: "nonsense"');
    expect(lines.at(-1)?.message).toBe('settings are refused; those before stay in force');
    expect(prepared).toEqual([]);
    host.yaml = OTHER;
    await keeper.reload();
    expect(keeper.report.refused).toBeNull();
    expect(keeper.current.podCidrs).toEqual(['10.1.2.0/24']);
  });

  it('reports a refusal once, not with every reading', async () => {
    const { clock, host, open, follower, lines } = harness();
    const keeper = await open();
    keeper.start(follower);
    host.yaml = BAD;
    for (let i = 0; i < 5; i++) await nextReading(clock);
    expect(lines.filter(({ message }) => message.includes('refused'))).toHaveLength(1);
  });

  it('keeps the settings before when the new ones cannot be applied, and tries again', async () => {
    const { clock, host, open, follower } = harness();
    const keeper = await open();
    keeper.start(follower);
    host.yaml = OTHER;
    host.storeIsFull = true;
    await keeper.reload();
    expect(keeper.current.podCidrs).toEqual(['10.1.1.0/24']);
    expect(keeper.report.refused).toBe('no space left');
    host.storeIsFull = false;
    await nextReading(clock);
    expect(keeper.current.podCidrs).toEqual(['10.1.2.0/24']);
    expect(keeper.report.refused).toBeNull();
  });

  it('follows another source as soon as it has something to say', async () => {
    const { source, open, follower } = harness('nodeName: a');
    const keeper = await open();
    keeper.start(follower);
    expect(keeper.current.podCidrs).toEqual([]);
    source.supply({ podCidrs: ['10.1.3.0/24'], clusterCidrs: ['10.1.0.0/16'] });
    for (let i = 0; i < 5; i++) await settle();
    expect(keeper.current.podCidrs).toEqual(['10.1.3.0/24']);
    await keeper.stop();
    expect(source.listening).toBe(0);
  });

  it('starts with the settings that were in force last while the present ones are refused', async () => {
    const { host, open, follower } = harness(BAD, OTHER);
    const keeper = await open();
    expect(keeper.current.podCidrs).toEqual(['10.1.2.0/24']);
    expect(keeper.report.refused).toContain('nonsense');
    keeper.start(follower);
    host.yaml = GOOD;
    await keeper.reload();
    expect(keeper.current.podCidrs).toEqual(['10.1.1.0/24']);
  });

  it('does not start when there are no settings at all', async () => {
    await expect(harness(BAD).open()).rejects.toThrow(ConfigError);
  });
});
