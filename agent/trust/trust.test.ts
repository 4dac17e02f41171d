import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import type { Logger } from '../../common/log.js';
import { nodeIdOf } from '../../common/node-id.js';
import { loadConfig } from '../config/config-sources.js';
import { nodeSettings } from '../settings/node-settings.js';
import { formatTrustedKeys, parseTrustedKeys } from '../settings/trusted-keys.js';
import { openTrust } from './open-trust.js';
import type { NodeAuthority, TrustSource } from './trust-source.js';

const FILE = '/etc/heddle/trusted-keys';
const rawKey = (seed: number) => new Uint8Array(32).fill(seed);
const keyOf = (seed: number) => Buffer.from(rawKey(seed)).toString('base64');
const idOf = (seed: number) => nodeIdOf(rawKey(seed));
const EVERY_CIDR = ['0.0.0.0/0', '::/0'];

/** Kubernetes that names every key for every name, with one pod CIDR. */
function kubernetes() {
  const asked: string[] = [];
  const podCidrs = [parseCidr('10.1.9.0/24')];
  const authority: NodeAuthority = {
    remembered: [{ node: idOf(9), name: 'k', podCidrs }],
    ask: (_, name) => (asked.push(name), Promise.resolve(podCidrs)),
    watch: () => () => undefined,
  };
  return { asked, authority };
}

function settingsWith(trust: string, list = '') {
  const config = loadConfig(['--trust', trust, '--kubernetes', '--node-name', 'a'], {}, () => null);
  return nodeSettings(config, { clusterSecrets: [rawKey(1)], trustedKeys: parseTrustedKeys(list, FILE) }, 'host');
}

/** A source over a list of keys, on the node with key 1. */
function listed(list: string, authority: NodeAuthority | null = null) {
  const warnings: unknown[] = [];
  const log = { warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;
  const trust = openTrust(settingsWith('keys', list), { self: idOf(1), kubernetes: authority, log });
  return { trust, warnings, use: (next: string) => trust.useSettings(settingsWith('keys', next)) };
}

const log = { warn: () => undefined } as unknown as Logger;
const openWith = (trust: string, authority: NodeAuthority | null) =>
  openTrust(settingsWith(trust), { self: idOf(1), kubernetes: authority, log });

describe('trust in the cluster secret', () => {
  it('needs no name, and asks Kubernetes where there is one', async () => {
    const { asked, authority } = kubernetes();
    const sources: TrustSource[] = [openWith('secret', null), openWith('secret', authority)];
    for (const source of sources) expect(source).toMatchObject({ isRequired: false, watch: null });
    expect(await sources[0]!.ask(idOf(2), 'b', rawKey(2))).toBeUndefined();
    expect(await sources[1]!.ask(idOf(2), 'b', rawKey(2))).toEqual(['10.1.9.0/24']);
    expect(asked).toEqual(['b']);
  });
});

describe('trust from Kubernetes', () => {
  it('is the answer of Kubernetes, and a watch of it', async () => {
    const { authority } = kubernetes();
    const trust = openWith('kubernetes', authority);
    expect(trust).toMatchObject({ isRequired: true, remembered: authority.remembered });
    expect(trust.watch).not.toBeNull();
    expect(await trust.ask(idOf(2), 'b', rawKey(2))).toEqual(['10.1.9.0/24']);
  });
});

describe('trust in a list of keys', () => {
  const list = `# all nodes\na ${keyOf(1)}\n\n  b\t${keyOf(2)} 10.1.2.0/24 fd00:2::/64 # rack 7\n`;

  it('names the key of a line, for the name of that line and its pod CIDRs', async () => {
    const { trust } = listed(list);
    expect(trust.isRequired).toBe(true);
    expect(trust.remembered.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(await trust.ask(idOf(1), 'a', rawKey(1))).toEqual(EVERY_CIDR);
    expect(await trust.ask(idOf(2), 'b', rawKey(2))).toEqual(['10.1.2.0/24', 'fd00:2::/64']);
    expect(await trust.ask(idOf(2), 'a', rawKey(2))).toBeNull();
    expect(await trust.ask(idOf(3), 'b', rawKey(3))).toBeNull();
  });

  it('asks Kubernetes too, for the pod CIDRs of listed nodes alone', async () => {
    const { asked, authority } = kubernetes();
    const { trust } = listed(list, authority);
    expect(await trust.ask(idOf(1), 'a', rawKey(1))).toEqual(EVERY_CIDR);
    expect(await trust.ask(idOf(3), 'c', rawKey(3))).toBeNull();
    expect(asked).toEqual(['a']);
  });

  it('tells at once of lines that are gone, new or different, and of no others', () => {
    const { use } = listed(list);
    expect(use(list)).toEqual([]);
    expect(use(`a ${keyOf(1)}\nc ${keyOf(3)}\n`)).toEqual([
      { node: idOf(2), name: 'b', podCidrs: null },
      { node: idOf(3), name: 'c', podCidrs: EVERY_CIDR },
    ]);
    expect(use(`a ${keyOf(1)}\nc ${keyOf(3)} 10.1.3.0/24\n`)).toEqual([
      { node: idOf(3), name: 'c', podCidrs: ['10.1.3.0/24'] },
    ]);
  });

  it('warns when this node is not in it under its name', () => {
    expect(listed(list).warnings).toEqual([]);
    expect(listed(`b ${keyOf(1)}\n`).warnings).toEqual([{ name: 'a', node: idOf(1) }]);
  });

  it('is the same after it was written by the node itself', () => {
    const keys = parseTrustedKeys(list, FILE);
    expect(parseTrustedKeys(formatTrustedKeys(keys), FILE)).toEqual(keys);
  });

  it('refuses a file with bad lines as a whole, and names each with file and line', () => {
    const attempt = (text: string) => () => parseTrustedKeys(text, FILE);
    expect(attempt('a b c\n\nx/y z\n')).toThrow(`${FILE}:1: no key of a (expected "name public-key"`);
    expect(attempt('a b c\n\nx/y z\n')).toThrow(`${FILE}:3: "x/y" is not a node name`);
    expect(attempt(`a ${keyOf(1)} 10.1.1.1/24`)).toThrow(`${FILE}:1: "10.1.1.1/24" has host bits set`);
    expect(attempt(`a ${keyOf(1)}\na ${keyOf(2)}`)).toThrow(`${FILE}:2: the name stands on line 1 too`);
    expect(attempt(`a ${keyOf(1)}\nb ${keyOf(1)}`)).toThrow(`${FILE}:2: the key stands on line 1 too`);
    expect(attempt('bad\n'.repeat(9))).toThrow(`${FILE}: and 4 more bad lines`);
  });
});
