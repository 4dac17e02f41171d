import { describe, expect, it } from '@jest/globals';
import { SystemCallError } from '../../../common/errors.js';
import type { Logger } from '../../../common/log.js';
import { NoticeLog } from '../../../common/notice-log.js';
import { VirtualClock } from '../../../common/testing/virtual-clock.js';
import { Cluster, parsePod, PolicyCompiler } from '../../../policy/index.js';
import type { DropCounter } from '../../../policy/index.js';
import { FakeNft } from '../testing/fake-nft.js';
import { FakePacketLog, nflogDatagram, tcpPacket } from '../testing/fake-packet-log.js';
import { Drops } from './drops.js';
import { DropTotals, MAX_TOTALS } from './drop-totals.js';
import { bindRequest, readLoggedDrops } from './nflog-messages.js';
import { flowOfPacket } from './packet-flow.js';

const hex = (text: string): Uint8Array => Buffer.from(text.replace(/\s/g, ''), 'hex');
const V6_ADDRESSES = 'fd000000000000000000000000000001 fd000000000000000000000000000002';
const INGRESS: DropCounter = { direction: 'ingress', policies: ['red/deny'], rule: null };

describe('a message of nflog', () => {
  it('asks for the packets of a group as the kernel expects it', () => {
    const request = hex(
      `30000000 0104 0500 00000000 00000000  0000 1a81  0500 0100 01000000  0a00 0200 00000100 0200 0000  0800 0400 00000014`,
    );
    expect(Buffer.from(bindRequest(6785, 256))).toEqual(Buffer.from(request));
  });

  it('is read with all packets of a datagram, and what is cut is left out', () => {
    const packets = [tcpPacket('10.0.0.1', '10.0.0.2', 80), tcpPacket('10.0.0.3', '10.0.0.2', 81)];
    const datagram = nflogDatagram(...packets.map((packet, i) => ({ prefix: `p${i}`, packet })));
    expect(readLoggedDrops(datagram).map(({ prefix }) => prefix)).toEqual(['p0', 'p1']);
    for (let length = 0; length < datagram.length; length++) {
      expect(readLoggedDrops(datagram.subarray(0, length)).length).toBeLessThan(2);
    }
  });
});

describe('the flow of a packet', () => {
  it.each([
    ['TCP', '45000028 00000000 40060000 0a000001 0a000002 9c40 0050', 'TCP 80'],
    ['options of IPv4', '46000028 00000000 40110000 0a000001 0a000002 01010101 9c40 0035', 'UDP 53'],
    ['a first fragment', '45000028 00002000 40110000 0a000001 0a000002 9c40 0035', 'UDP 53'],
    ['a later fragment', '45000028 00000005 40110000 0a000001 0a000002 9c40 0035', 'UDP null'],
    ['a cut packet', '45000028 00000000 40060000 0a000001 0a000002 9c40', 'TCP null'],
    ['SCTP', '45000028 00000000 40840000 0a000001 0a000002 9c40 0050', 'SCTP 80'],
    ['ICMP', '45000028 00000000 40010000 0a000001 0a000002 0800 0050', 'ICMP null'],
    ['GRE', '45000028 00000000 402f0000 0a000001 0a000002 0800 0050', 'protocol 47 null'],
    ['IPv6', `60000000 0008 06 40 ${V6_ADDRESSES} 9c40 0050`, 'TCP 80'],
    ['IPv6 options', `60000000 0018 00 40 ${V6_ADDRESSES} 3c00 0000 00000000 0600 0000 00000000 9c40 0050`, 'TCP 80'],
    ['an authentication header', `60000000 0018 33 40 ${V6_ADDRESSES} 0601 0000 00000000 00000000 9c40 0050`, 'TCP 80'],
    ['a first fragment of IPv6', `60000000 0018 2c 40 ${V6_ADDRESSES} 1100 0001 00000000 9c40 0035`, 'UDP 53'],
    ['a later fragment of IPv6', `60000000 0018 2c 40 ${V6_ADDRESSES} 1100 0009 00000000 9c40 0035`, 'UDP null'],
    ['endless extensions', `60000000 0018 00 40 ${V6_ADDRESSES} ${'0000000000000000'.repeat(12)}`, 'protocol 0 null'],
    ['extensions beyond the end', `60000000 0018 00 40 ${V6_ADDRESSES} 06ff 0000 00000000`, 'TCP null'],
  ])('is found for %s', (_, packet, expected) => {
    const flow = flowOfPacket(hex(packet))!;
    expect(`${flow.protocol} ${flow.port}`).toBe(expected);
    expect([flow.source, flow.destination].map((ip) => ip.at(-1))).toEqual(['1', '2']);
  });

  it('is none for what is no IP packet, or is cut', () => {
    const none = ['', '45', '4500002800000000400600000a0000010a0000', `60000000 0008 06 40 fd00`, '00'.repeat(60)];
    expect(none.map((packet) => flowOfPacket(hex(packet)))).toEqual(none.map(() => null));
  });
});

describe('totals of drops', () => {
  it('grow by what counters count, also after a counter began anew, and leave out what was there before', () => {
    const totals = new DropTotals();
    for (const packets of [5, 7, 3]) totals.take(new Map([['in', packets]]), () => INGRESS);
    expect([totals.sums, totals.byPolicies]).toEqual([{ ingress: 5, egress: 0 }, [{ ...INGRESS, packets: 5 }]]);
  });

  it('are kept for a bounded number of policies, and summed for all', () => {
    const totals = new DropTotals();
    totals.take(new Map(), () => undefined);
    const names = Array.from({ length: MAX_TOTALS + 50 }, (_, i) => `policy-${i}`);
    totals.take(new Map(names.map((name) => [name, 2])), (name) => ({
      direction: 'egress',
      policies: [name],
      rule: null,
    }));
    expect([totals.byPolicies.length, totals.sums.egress]).toEqual([MAX_TOTALS, 2 * names.length]);
  });
});

function drops({ nft = new FakeNft() } = {}) {
  const lines: Record<string, unknown>[] = [];
  const write = (fields: object, msg: string) => lines.push({ ...fields, msg });
  const log = { info: write, warn: write } as unknown as Logger;
  const clock = new VirtualClock();
  const packets = new FakePacketLog();
  const compiler = new PolicyCompiler(new Cluster());
  compiler.putPod(
    parsePod({
      metadata: { namespace: 'red', name: 'db' },
      spec: { containers: [] },
      status: { phase: 'Running', podIPs: [{ ip: '10.0.0.2' }] },
    }),
  );
  const made = new Drops({
    openLog: () => packets,
    podsAt: (ip) => compiler.podsAt(ip),
    commands: nft,
    clock,
    notices: new NoticeLog(log, clock),
  });
  made.useCounters(new Map([['in', INGRESS]]));
  const drop = (source: string, port = 80, prefix = 'in') =>
    packets.waiting.push(nflogDatagram({ prefix, packet: tcpPacket(source, '10.0.0.2', port) }));
  return { drops: made, nft, clock, packets, lines, drop };
}

describe('what network policies drop', () => {
  it('is logged with pods, port, policies and reason, once a minute for each flow', async () => {
    const { drops: made, clock, lines, drop } = drops();
    await made.start();
    for (let i = 0; i < 3; i++) drop('10.0.0.9');
    drop('10.0.0.9', 81);
    drop('10.0.0.9', 82, 'unknown prefix');
    clock.advance(500);
    expect(lines.map(({ msg }) => msg)).toEqual([
      'network policy denied 10.0.0.9 to red/db (10.0.0.2), TCP 80',
      'network policy denied 10.0.0.9 to red/db (10.0.0.2), TCP 81',
    ]);
    const reason = 'default deny: isolated by red/deny, and no rule allows this';
    expect(lines[0]).toMatchObject({ direction: 'ingress', reason });
    clock.advance(60_000);
    drop('10.0.0.9');
    clock.advance(500);
    expect(lines.slice(2)).toEqual([expect.objectContaining({ heldBack: 2 })]);
    expect(made.answer().traffic.map(({ port, seen, source }) => [port, seen, source])).toEqual([
      [80, 4, { pod: null, ip: '10.0.0.9' }],
      [81, 1, { pod: null, ip: '10.0.0.9' }],
    ]);
  });

  it('fills neither log nor memory when one pod tries all ports of all addresses', async () => {
    const { drops: made, clock, lines, drop } = drops();
    await made.start();
    for (let i = 0; i < 600; i++) {
      drop(`10.1.${i >> 8}.${i & 255}`, 1 + i);
      if (i % 50 === 0) clock.advance(500);
    }
    expect(lines.length).toBeLessThanOrEqual(30);
    expect(made.answer().traffic).toHaveLength(256);
  });

  it('is counted after something was dropped, every 5 s at most', async () => {
    const { drops: made, nft, clock, drop } = drops();
    await made.start();
    made.take(new Map([['in', 0]]));
    await nft.run('nft', [], JSON.stringify({ nftables: [{ add: { counter: { name: 'in' } } }] }));
    nft.packets = 7;
    drop('10.0.0.9');
    clock.advance(5_000);
    expect(made.sums).toEqual({ ingress: 0, egress: 0 });
    clock.advance(500);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(made.sums).toEqual({ ingress: 7, egress: 0 });
  });

  it.each(['nft', 'kernel'])('is counted and not logged where the %s refuses the log', async (what) => {
    const nft = new FakeNft();
    nft.canLog = what !== 'nft';
    const { drops: made, lines } = drops({ nft });
    const refusing = new Drops({
      ...made.deps,
      openLog: () => {
        if (what === 'kernel') throw new SystemCallError('nflog', 1, 'group 6785: another program has it');
        return new FakePacketLog();
      },
    });
    await refusing.start();
    expect([refusing.isLogged, refusing.answer().logged]).toEqual([false, false]);
    expect(lines[0]).toMatchObject({ msg: 'packets that network policies drop are counted, but not logged' });
    expect(String(lines[0]!['problem'])).toMatch(/nft --check|another program/);
  });

  it('says of a pod that is not known that it is denied until it is', async () => {
    const { drops: made, clock, lines, drop } = drops();
    await made.start();
    made.useCounters(new Map([['new', { direction: 'egress', policies: [], rule: null }]]));
    drop('10.0.0.9', 80, 'new');
    drop('10.0.0.9', 80, 'in');
    clock.advance(500);
    expect(lines.map(({ reason }) => reason)).toEqual([
      'the API server has not told of the pod, which is denied until it does',
      'default deny: isolated by red/deny, and no rule allows this',
    ]);
  });
});
