import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CNI_BIN_FILES, CNI_CONF_FILES, LEFT_CONF_NAME } from '../../cni/index.js';
import { CommandError } from '../../common/errors.js';
import { stateFiles, stateFolders } from '../../common/host/run-files.js';
import { loadConfig } from '../../agent/config/config-sources.js';
import { takeInstanceLock } from '../../supervisor/instance-lock.js';
import { uninstall } from './removal.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-uninstall-'));
  for (const name of ['run', 'state', 'conf', 'bin']) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = () =>
  loadConfig(
    [
      ...['--run-dir', join(folder, 'run'), '--state-dir', join(folder, 'state')],
      ...['--api-socket', join(folder, 'run', 'api.sock')],
      ...['--cni-conf-dir', join(folder, 'conf'), '--cni-bin-dir', join(folder, 'bin')],
    ],
    {},
    () => null,
  );

/** Fake host with these interfaces and, by choice, the nft tables. Deleted ones are gone. */
function host(interfaces: Record<string, object[]>, table = true) {
  const present = new Set(table ? ['inet heddle', 'bridge heddle'] : []);
  const ran: string[] = [];
  const run = (program: string, args: readonly string[]): string => {
    const line = [program, ...args].join(' ');
    const [, kind] = /show type (\w+)$/.exec(line) ?? [];
    if (kind !== undefined) return JSON.stringify(interfaces[kind] ?? []);
    const nftTable = args.slice(-2).join(' ');
    if (program === 'nft' && !present.has(nftTable)) throw new CommandError(line, 1, 'No such file or directory');
    if (/ (list|show) /.test(line) || program === 'cat') return '';
    ran.push(line);
    present.delete(nftTable);
    for (const kind of Object.keys(interfaces)) {
      interfaces[kind] = (interfaces[kind] ?? []).filter((one) => (one as { ifname: string }).ifname !== args.at(-1));
    }
    return '';
  };
  const commands = {
    run: (program: string, args: readonly string[]) => new Promise<string>((resolve) => resolve(run(program, args))),
  };
  return { commands, ran };
}

const onBridge = (ifname: string, master: string) => ({
  ifname,
  master,
  linkinfo: { info_kind: 'veth', info_slave_kind: 'bridge' },
});
/** Host interfaces of pods, recognised by MAC and by alias: `cni/pod-network/host-interface.ts`. */
const BY_MAC = { ifname: 'hd0123456789abc', address: 'fe:01:23:45:67:89' };
const BY_ALIAS = { ifname: 'hdcd23e22982a99', ifalias: 'heddle/1|pod|eth0|heddle|/run/netns/x' };
const interfaces = () => ({
  veth: [
    { ...onBridge('', 'heddle0'), ...BY_MAC },
    BY_ALIAS,
    onBridge('hdother', 'docker0'),
    onBridge('hdguest', 'heddle0'),
    { ...onBridge('', 'docker0'), ...BY_MAC, ifname: 'hd0123456789abd' },
    { ifname: 'hdforeign' },
    onBridge('veth7', 'heddle0'),
  ],
  tun: [{ ifname: 'heddle-tap' }, { ifname: 'tun0' }],
  bridge: [{ ifname: 'heddle0' }, { ifname: 'docker0' }],
});
const ours = [
  'interface hd0123456789abc',
  'interface hdcd23e22982a99',
  'interface heddle-tap',
  'interface heddle0',
  'nft table inet heddle',
  'nft table bridge heddle',
];

describe('uninstall', () => {
  it('removes what is of Heddle, nothing else, and finds nothing the second time', async () => {
    const { commands, ran } = host(interfaces());
    const request = { config: config(), dryRun: false, purge: false };
    expect((await uninstall(commands, request)).removed).toEqual(ours);
    expect(ran).not.toContain('ip link del dev docker0');
    expect((await uninstall(commands, request)).removed).toEqual([]);
    expect(existsSync(join(folder, 'run'))).toBe(false);
    expect(existsSync(join(folder, 'state'))).toBe(true);
  });

  it.each([
    ['a folder', /\/(?:ipam|endpoints|deferred-deletes|tombstones|empty)$/, (path: string) => mkdirSync(path)],
    ['a file', /\.(?:json|conflist)$|\/(?:trusted-keys|heddle-cni[^/]*)$/, (path: string) => writeFileSync(path, '')],
  ])('leaves %s where Heddle makes something of another kind', async (_kind, ofThisKind, make) => {
    const own = config();
    const inFolder = (name: string, files: readonly string[]) => files.map((file) => join(folder, name, file));
    const places = [
      ...inFolder('run', ['api.sock', 'children.json', 'succession.sock', 'engine-speeds.json', 'empty']),
      ...inFolder('conf', [...CNI_CONF_FILES, LEFT_CONF_NAME]),
      ...inFolder('bin', CNI_BIN_FILES),
      ...stateFiles(own),
      ...stateFolders(own),
    ].filter((path) => !ofThisKind.test(path));
    expect(places.length).toBeGreaterThan(5);
    places.forEach(make);
    const { commands } = host(interfaces());
    const { removed } = await uninstall(commands, { config: own, dryRun: false, purge: true });
    expect(places.filter(existsSync)).toEqual(places);
    expect(removed.filter((label) => places.includes(label))).toEqual([]);
  });

  it('leaves files in the root of the router', async () => {
    const file = join(folder, 'run', 'empty', 'file');
    mkdirSync(dirname(file));
    writeFileSync(file, '');
    const { commands } = host(interfaces());
    await uninstall(commands, { config: config(), dryRun: false, purge: true });
    expect(existsSync(file)).toBe(true);
  });

  it('leaves files where the settings name the folders of Heddle', async () => {
    const folders = ['run', 'state', 'conf', 'bin'].map((name) => join(folder, name));
    for (const path of folders) {
      rmSync(path, { recursive: true });
      writeFileSync(path, '');
    }
    const { commands } = host(interfaces());
    expect((await uninstall(commands, { config: config(), dryRun: false, purge: true })).removed).toEqual(ours);
    expect(folders.filter(existsSync)).toEqual(folders);
  });

  it('removes a link in place of a file or folder, and not what it leads to', async () => {
    const target = join(folder, 'target');
    mkdirSync(target);
    const links = ['identity.json', 'ipam'].map((name) => join(folder, 'state', name));
    for (const link of links) symlinkSync(target, link);
    const { commands } = host(interfaces());
    await uninstall(commands, { config: config(), dryRun: false, purge: true });
    expect([...links.filter((link) => lstatSync(link, { throwIfNoEntry: false })), existsSync(target)]).toEqual([true]);
  });

  it('changes nothing on a dry run', async () => {
    const { commands, ran } = host(interfaces());
    const { removed } = await uninstall(commands, { config: config(), dryRun: true, purge: true });
    expect(removed).toEqual(ours);
    expect(ran).toEqual([]);
  });

  it('removes the CNI configuration first, and the state only with purge', async () => {
    const conf = join(folder, 'conf', '10-heddle.conflist');
    const identity = join(folder, 'state', 'identity.json');
    const others = ['node-keys.json', 'policies.json'].map((name) => join(folder, 'state', name));
    for (const path of [conf, identity, ...others, join(folder, 'bin', 'heddle-cni'), join(folder, 'bin', 'bridge')]) {
      writeFileSync(path, '');
    }
    const { commands } = host(interfaces());
    const { removed } = await uninstall(commands, { config: config(), dryRun: false, purge: false });
    expect(removed).toEqual([conf, ...ours, join(folder, 'bin', 'heddle-cni')]);
    expect(existsSync(identity)).toBe(true);
    expect(existsSync(join(folder, 'bin', 'bridge'))).toBe(true);
    const again = await uninstall(commands, { config: config(), dryRun: false, purge: true });
    expect(again.removed).toEqual([identity, ...others]);
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  it('leaves a plugin while pods run: it answers their DEL, refuses ADD, and the list keeps the chained plugins', async () => {
    const pod = join(folder, 'netns');
    const [conf, left] = ['10-heddle.conflist', '99-heddle-removed.conflist'].map((name) => join(folder, 'conf', name));
    const plugin = join(folder, 'bin', 'heddle-cni');
    writeFileSync(pod, '');
    writeFileSync(
      conf!,
      JSON.stringify({ cniVersion: '0.4.0', plugins: [{ type: 'heddle-cni' }, { type: 'portmap' }] }),
    );
    writeFileSync(plugin, '');
    const veth = { ifname: 'hdcd23e22982a99', ifalias: `heddle/1|pod|eth0|heddle|${pod}` };
    const { commands } = host({ veth: [veth, BY_ALIAS] }, false);
    const request = { config: config(), dryRun: false, purge: true };
    const first = await uninstall(commands, request);
    expect(first).toMatchObject({ left: [plugin, left], podsThatRun: [pod] });
    expect(first.removed).toContain(conf);
    expect(JSON.parse(readFileSync(left!, 'utf8'))).toEqual({
      ...{ cniVersion: '0.4.0', name: 'heddle' },
      plugins: [{ type: 'heddle-cni', leftForNamespaces: [pod] }, { type: 'portmap' }],
    });
    const call = (verb: string) => () => execFileSync(plugin, { env: { CNI_COMMAND: verb }, encoding: 'utf8' });
    expect(call('DEL')()).toBe('');
    expect(call('VERSION')()).toContain('"supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]');
    expect(call('ADD')).toThrow();
    // The interface is gone now; the list tells of the pod.
    expect(await uninstall(commands, request)).toMatchObject({ removed: [], left: [plugin, left] });
    rmSync(pod);
    expect(await uninstall(commands, request)).toEqual({ removed: [left, plugin], left: [], podsThatRun: [] });
  });

  it('refuses while meshd runs', async () => {
    const lock = await takeInstanceLock(join(folder, 'run', 'meshd.sock'));
    const { commands, ran } = host(interfaces());
    const attempt = uninstall(commands, { config: config(), dryRun: false, purge: false });
    await expect(attempt).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    expect(ran).toEqual([]);
    lock.release();
  });
});
