import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { CniError } from '../cni-error.js';
import { parseCniRequest } from './request.js';
import { CNI_VERSIONS } from '../../common/cni-versions.js';

const CONFIG = { cniVersion: '1.1.0', name: 'heddle', type: 'heddle-cni' };
const ENV = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'abc',
  CNI_NETNS: '/run/netns/x',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0;IgnoreUnknown=1;K8S_POD_UID=u;OTHER=x',
};

function parse(env: Record<string, string> = {}, config: unknown = CONFIG) {
  const stdin = Buffer.from(typeof config === 'string' ? config : JSON.stringify(config));
  return parseCniRequest({ env: new Map(Object.entries({ ...ENV, ...env })), stdin });
}

function refusal(env: Record<string, string>, config: unknown = CONFIG): CniError {
  try {
    parse(env, config);
  } catch (thrown) {
    if (thrown instanceof CniError) return thrown;
    throw thrown;
  }
  throw new TypeError('nothing was refused');
}

describe('a CNI call', () => {
  it('is parsed as containerd makes it', () => {
    expect(
      parse(
        {},
        { ...CONFIG, capabilities: { ips: true }, runtimeConfig: { portMappings: [{ HostPort: 0 }], bandwidth: null } },
      ),
    ).toMatchObject({
      verb: 'ADD',
      containerId: 'abc',
      ifname: 'eth0',
      netns: '/run/netns/x',
      podNamespace: 'shop',
      podName: 'cart-0',
      podUid: 'u',
      requestedIps: [],
      requestedMac: null,
    });
  });

  it.each(CNI_VERSIONS)('is accepted in spec version %s', (cniVersion) => {
    expect(parse({}, { ...CONFIG, cniVersion })).toMatchObject({ config: { cniVersion } });
  });

  it('takes requested addresses from runtimeConfig, with or without prefix, before CNI_ARGS', () => {
    const runtimeConfig = { ips: ['10.1.0.9/24', 'FD00::9'], mac: '0A:00:00:00:00:01' };
    const call = parse({ CNI_ARGS: 'IP=10.1.0.8' }, { ...CONFIG, runtimeConfig });
    expect(call).toMatchObject({ requestedIps: ['10.1.0.9', 'fd00::9'], requestedMac: '0a:00:00:00:00:01' });
    const args = { cni: { ips: ['10.1.0.7'] } };
    expect(parse({ CNI_ARGS: 'IP=10.1.0.8' }, { ...CONFIG, args })).toMatchObject({ requestedIps: ['10.1.0.7'] });
    expect(parse({ CNI_ARGS: 'IP=10.1.0.8' })).toMatchObject({ requestedIps: ['10.1.0.8'] });
  });

  it.each([
    ['CNI_COMMAND', { CNI_COMMAND: '' }],
    ['CNI_COMMAND', { CNI_COMMAND: 'add' }],
    ['CNI_CONTAINERID', { CNI_CONTAINERID: '' }],
    ['CNI_CONTAINERID', { CNI_CONTAINERID: '../x' }],
    ['CNI_CONTAINERID', { CNI_CONTAINERID: 'a/b' }],
    ['CNI_CONTAINERID', { CNI_CONTAINERID: '-a' }],
    ['CNI_IFNAME', { CNI_IFNAME: 'sixteen-letters-' }],
    ['CNI_IFNAME', { CNI_IFNAME: '..' }],
    ['CNI_IFNAME', { CNI_IFNAME: 'a b' }],
    ['CNI_IFNAME', { CNI_IFNAME: 'a:b' }],
    ['CNI_IFNAME', { CNI_IFNAME: 'ä' }],
    ['CNI_NETNS', { CNI_NETNS: '' }],
    ['CNI_NETNS', { CNI_NETNS: 'relative' }],
    ['CNI_NETNS', { CNI_NETNS: '/run/a b' }],
    ['CNI_NETNS', { CNI_NETNS: '/run/a\nlink del eth0' }],
    ['CNI_ARGS', { CNI_ARGS: 'OTHER=1' }],
    ['CNI_ARGS', { CNI_ARGS: 'nonsense;IgnoreUnknown=1' }],
  ])('with an invalid %s is refused with code 4 and its name: %j', (variable, env) => {
    expect(refusal(env)).toMatchObject({ cniCode: 4, message: `invalid environment: ${variable}` });
  });

  it('with several invalid variables is refused with all their names', () => {
    expect(refusal({ CNI_IFNAME: '', CNI_NETNS: '' }).message).toBe('invalid environment: CNI_IFNAME, CNI_NETNS');
  });

  it.each([
    [6, 'is not JSON', '{"cniVersion":'],
    [6, 'is empty', ''],
    [1, 'is not an object', '[]'],
    [1, 'is null', 'null'],
    [1, 'has no version', { name: 'heddle' }],
    [1, 'has a later version', { ...CONFIG, cniVersion: '2.0.0' }],
    [1, 'has an earlier version', { ...CONFIG, cniVersion: '0.2.0' }],
    [1, 'has the first version', { ...CONFIG, cniVersion: '0.1.0' }],
    [2, 'asks for an MTU', { ...CONFIG, mtu: 1300 }],
    [2, 'brings its own address management', { ...CONFIG, ipam: { type: 'host-local' } }],
    [2, 'asks for address ranges', { ...CONFIG, runtimeConfig: { ipRanges: [[{ subnet: '10.9.0.0/24' }]] } }],
    [2, 'asks for aliases', { ...CONFIG, runtimeConfig: { aliases: { eth0: ['db'] } } }],
    [2, 'asks for port mappings', { ...CONFIG, runtimeConfig: { portMappings: [{ hostPort: 1 }] } }],
    [2, 'asks for a bandwidth', { ...CONFIG, runtimeConfig: { bandwidth: { ingressRate: 1 } } }],
    [7, 'has invalid DNS servers', { ...CONFIG, runtimeConfig: { dns: { servers: 'none' } } }],
    [7, 'has addresses of another shape in args', { ...CONFIG, args: { cni: { ips: '10.1.0.7' } } }],
    [7, 'has no name', { cniVersion: '1.0.0' }],
    [7, 'has an invalid name', { ...CONFIG, name: '../etc' }],
    [7, 'requests an invalid address', { ...CONFIG, runtimeConfig: { ips: ['010.1.1.1'] } }],
    [7, 'requests a multicast MAC', { ...CONFIG, runtimeConfig: { mac: '01:00:5e:00:00:01' } }],
    [7, 'has a prevResult of another shape', { ...CONFIG, prevResult: { ips: 'none' } }],
  ])('is refused with code %i when its configuration %s', (code, _, config) => {
    expect(refusal({}, config)).toMatchObject({ cniCode: code });
  });

  it('that asks for unsupported fields is refused with all their names and what to do', () => {
    const { message, details } = refusal({}, { ...CONFIG, mtu: 1300, runtimeConfig: { aliases: { eth0: ['db'] } } });
    expect(message).toBe('unsupported field: mtu, runtimeConfig.aliases');
    expect(details).toContain('the setting podMtu of the node');
  });

  it('is accepted with fields that ask for nothing', () => {
    const nothing = { mtu: 0, ipam: {}, runtimeConfig: { ipRanges: [], aliases: null, bandwidth: {} } };
    expect(parse({}, { ...CONFIG, ...nothing })).toMatchObject({ verb: 'ADD' });
    const nulls = { prevResult: null, runtimeConfig: null, args: null, dns: null };
    expect(parse({}, { ...CONFIG, ...nulls })).toMatchObject({ verb: 'ADD' });
  });

  it.each([
    ['prevResult: null', { ...CONFIG, prevResult: null }],
    ['a prevResult of another shape', { ...CONFIG, prevResult: 7 }],
    ['an unknown version', { ...CONFIG, cniVersion: '9.9.9' }],
    ['an unsupported version', { ...CONFIG, cniVersion: '0.2.0' }],
    ['an invalid runtimeConfig', { ...CONFIG, runtimeConfig: { ips: 'all' } }],
    ['unsupported fields', { ...CONFIG, mtu: 9000 }],
    ['input that is not JSON', '{'],
    ['no input', ''],
  ])('of DEL is accepted with %s', (_, config) => {
    expect(parse({ CNI_COMMAND: 'DEL' }, config)).toEqual({ verb: 'DEL', containerId: 'abc', ifname: 'eth0' });
  });

  it('of GC with a null list names no attachment as invalid', () => {
    const call = parse({ CNI_COMMAND: 'GC' }, { ...CONFIG, 'cni.dev/valid-attachments': null });
    expect(call).toMatchObject({ validAttachments: null });
  });

  it('of DEL needs neither namespace nor valid CNI_ARGS', () => {
    expect(parse({ CNI_COMMAND: 'DEL', CNI_NETNS: '', CNI_ARGS: 'nonsense' })).toMatchObject({
      verb: 'DEL',
      ifname: 'eth0',
    });
  });

  it('of VERSION needs no variable and no input', () => {
    expect(parse({ CNI_COMMAND: 'VERSION', CNI_NETNS: 'dummy', CNI_IFNAME: '' }, '')).toEqual({
      verb: 'VERSION',
      cniVersion: '1.0.0',
    });
  });

  it.each([
    ['CHECK', '0.3.1', '0.4.0'],
    ['GC', '1.0.0', '1.1.0'],
    ['STATUS', '1.0.0', '1.1.0'],
  ])('of %s is refused in %s, which does not have it', (verb, cniVersion, since) => {
    expect(refusal({ CNI_COMMAND: verb }, { ...CONFIG, cniVersion })).toMatchObject({ cniCode: 1 });
    expect(
      parse({ CNI_COMMAND: verb }, { ...CONFIG, cniVersion: since, 'cni.dev/valid-attachments': [] }),
    ).toMatchObject({ verb });
  });

  it('of GC without a list is refused, since an empty list removes every pod', () => {
    expect(refusal({ CNI_COMMAND: 'GC' })).toMatchObject({ cniCode: 7 });
    for (const key of ['cni.dev/valid-attachments', 'cni.dev/attachments']) {
      const call = parse({ CNI_COMMAND: 'GC' }, { ...CONFIG, [key]: [{ containerID: 'a', ifname: 'eth0' }] });
      expect(call).toMatchObject({ validAttachments: [{ containerId: 'a', ifname: 'eth0' }] });
    }
  });

  it('of any shape is parsed or refused with a CniError', () => {
    const config = fc.oneof(
      fc.json(),
      fc.string(),
      fc.json().map((json) => `{"cniVersion":"1.0.0","name":"n","prevResult":${json}}`),
    );
    fc.assert(
      fc.property(
        fc.constantFrom('ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'),
        fc.string(),
        config,
        (verb, name, stdin) => {
          try {
            parse({ CNI_COMMAND: verb, CNI_IFNAME: name }, stdin);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(CniError);
          }
        },
      ),
      { numRuns: fuzzRuns(40) },
    );
  });
});
