import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { parseCidr } from '../common/address/cidr.js';
import { DurableFile } from '../common/storage/durable-file.js';
import { CrashingDisk } from '../common/testing/crashing-disk.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import type { IpAddress } from '../common/address/ip-address.js';
import { silentLogger } from '../common/log.js';
import type { AddressOwner } from './allocation.js';
import { QUARANTINE_MS } from './allocator.js';
import type { CidrUsage } from './allocator.js';
import { Ipam } from './ipam.js';
import { RECONCILE_GRACE_MS } from './reconciliation.js';

const CIDR = parseCidr('10.1.0.0/28');
const FILE = '/ipam/allocations.json';
/** Of one save: make the directory, write (three steps), rename, sync the directory. */
const STEPS_TO_DIRECTORY_SYNC = 6;
const log = silentLogger();
const owner = (containerId: string): AddressOwner => ({ containerId, ifname: 'eth0' });

async function openIpam(
  disk: CrashingDisk,
  nowMs: () => number = () => 0,
  cidrs = [CIDR],
  bootId = 'first boot',
): Promise<Ipam> {
  return Ipam.open({ directory: '/ipam', cidrs, log, disk, nowMs, bootId });
}

async function startedIpam(disk = new CrashingDisk(() => 0), nowMs: () => number = () => 0): Promise<Ipam> {
  const ipam = await openIpam(disk, nowMs);
  await ipam.reconcile([]);
  return ipam;
}

describe('the address service', () => {
  it('gives no address before the first reconciliation', async () => {
    const ipam = await openIpam(new CrashingDisk(() => 0));
    await expect(ipam.allocate(owner('a'))).rejects.toMatchObject({ code: 'NOT_READY' });
  });

  it('names the missing pod CIDR', async () => {
    const ipam = await openIpam(new CrashingDisk(() => 0), () => 0, []);
    await ipam.reconcile([]);
    await expect(ipam.allocate(owner('a'))).rejects.toMatchObject({ code: 'NOT_READY' });
  });

  it('has an address on disk before it is given', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    const [given] = await ipam.allocate(owner('a'));
    disk.restart();
    expect((await openIpam(disk)).list()).toEqual([{ ip: given!.ip, owner: owner('a') }]);
  });

  it('gives no address and keeps its state when the disk refuses', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    disk.failAfter(3);
    await expect(ipam.allocate(owner('a'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(ipam.list()).toEqual([]);
    expect((await ipam.allocate(owner('b')))[0]!.ip).toBe('10.1.0.2');
  });

  it('writes once for allocations that come while it writes, and refuses what has no address among them', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    let writes = 0;
    const rename = disk.rename.bind(disk);
    disk.rename = (from, to) => {
      writes++;
      return rename(from, to);
    };
    const taken = [parseIpAddress('10.1.0.9')];
    const outcomes = await Promise.allSettled([
      ...['a', 'b', 'c', 'd'].map((name) => ipam.allocate(owner(name))),
      ipam.allocate(owner('e'), taken),
      ipam.allocate(owner('f'), taken),
      ipam.release(owner('b')),
    ]);
    expect(writes).toBe(2);
    expect(outcomes.map(({ status }) => status).filter((status) => status === 'rejected')).toHaveLength(1);
    disk.restart();
    const kept = (await openIpam(disk)).list().map((one) => one.owner.containerId);
    expect(kept.sort()).toEqual(['a', 'c', 'd', 'e']);
  });

  it('gives none of the addresses of a write that the disk refuses', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    const first = ipam.allocate(owner('a'));
    const together = [ipam.allocate(owner('b')), ipam.allocate(owner('c'))];
    await first;
    disk.failAfter(1);
    const outcomes = await Promise.allSettled(together);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(ipam.list().map((one) => one.owner.containerId)).toEqual(['a']);
  });

  it('keeps an address allocated when the disk refuses its release, and quarantines it once released', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    const [given] = await ipam.allocate(owner('a'));
    disk.failAfter(1);
    await expect(ipam.release(owner('a'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(ipam.usage()).toEqual([{ cidr: CIDR, withdrawn: false, total: 13, used: 1, quarantined: 0 }]);
    expect((await ipam.allocate(owner('a')))[0]!.ip).toBe(given!.ip);
    await ipam.release(owner('a'));
    expect(ipam.usage()).toEqual([{ cidr: CIDR, withdrawn: false, total: 13, used: 0, quarantined: 1 }]);
    expect((await ipam.allocate(owner('a')))[0]!.ip).not.toBe(given!.ip);
  });

  it('has an address on disk before it is given again after a failed release', async () => {
    const disk = new CrashingDisk(() => 0.99);
    const ipam = await startedIpam(disk);
    const [given] = await ipam.allocate(owner('a'));
    disk.failAfter(STEPS_TO_DIRECTORY_SYNC);
    await expect(ipam.release(owner('a'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await ipam.allocate(owner('a'));
    disk.restart();
    expect((await openIpam(disk)).list()).toEqual([{ ip: given!.ip, owner: owner('a') }]);
  });

  it('ends a quarantine when it ends, across restarts', async () => {
    const disk = new CrashingDisk(() => 0);
    let now = 1e12;
    const ipam = await startedIpam(disk, () => now);
    await ipam.allocate(owner('a'));
    await ipam.release(owner('a'));
    now += QUARANTINE_MS - 1;
    const next = await openIpam(disk, () => now);
    await next.reconcile([]);
    expect(next.usage()).toMatchObject([{ quarantined: 1 }]);
    now += 1;
    expect(next.usage()).toMatchObject([{ quarantined: 0 }]);
  });

  it('begins a whole quarantine again after a boot, since no monotonic clock survives one', async () => {
    const disk = new CrashingDisk(() => 0);
    let now = 1e12;
    const ipam = await startedIpam(disk, () => now);
    await ipam.allocate(owner('a'));
    await ipam.release(owner('a'));
    now = 5;
    const next = await openIpam(disk, () => now, [CIDR], 'second boot');
    now += QUARANTINE_MS - 1;
    expect(next.usage()).toMatchObject([{ quarantined: 1 }]);
    now += 1;
    expect(next.usage()).toMatchObject([{ quarantined: 0 }]);
  });

  it.each(['first boot', 'second boot'])('gives an address at once after a used-up pool, in the %s', async (bootId) => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    for (let i = 0; i < 13; i++) await ipam.allocate(owner(`p${i}`));
    for (let i = 12; i >= 0; i--) await ipam.release(owner(`p${i}`));
    const next = await openIpam(disk, () => 5, [CIDR], bootId);
    await next.reconcile([]);
    expect(next.usage()).toMatchObject([{ total: 13, used: 0, quarantined: 13 }]);
    expect((await next.allocate(owner('x')))[0]!.ip).toBe('10.1.0.14');
  });

  it('says why a new pod would get no address', async () => {
    const ipam = await startedIpam();
    for (let i = 0; i < 13; i++) {
      expect(ipam.obstacle).toBeNull();
      await ipam.allocate(owner(`p${i}`));
    }
    expect(ipam.obstacle).toBe('no free address in 10.1.0.0/28: 13 of 13 in use');
    await ipam.release(owner('p0'));
    expect(ipam.obstacle).toBeNull();
  });

  it('gives a fixed address back to its pod after a restart', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    const fixed = [parseIpAddress('10.1.0.9')];
    await ipam.allocate({ ...owner('old'), pod: 'shop/db-0' }, fixed);
    await ipam.release(owner('old'));
    const next = await openIpam(disk);
    await next.reconcile([]);
    await expect(next.allocate({ ...owner('x'), pod: 'shop/db-1' }, fixed)).rejects.toThrow('is quarantined');
    expect((await next.allocate({ ...owner('new'), pod: 'shop/db-0' }, fixed))[0]!.ip).toBe('10.1.0.9');
  });

  it('loads a record of an earlier version, which has no times', async () => {
    const disk = new CrashingDisk(() => 0);
    const earlier = {
      allocations: [{ ip: '10.1.0.2', ...owner('a') }],
      released: ['10.1.0.3'],
      cursors: [{ cidr: CIDR, offset: '4' }],
      historyLost: false,
    };
    const codec = { kind: 'heddle-allocations/1', encode: () => earlier, decode: () => earlier };
    await new DurableFile(disk, FILE, codec).write(earlier);
    const ipam = await openIpam(disk);
    expect(ipam.list()).toEqual([{ ip: '10.1.0.2', owner: owner('a') }]);
    expect(ipam.usage()).toMatchObject([{ used: 1, quarantined: 1 }]);
  });

  it('frees an allocation of a crashed process that no pod has', async () => {
    const disk = new CrashingDisk(() => 0);
    await (await startedIpam(disk)).allocate(owner('a'));
    const next = await openIpam(disk);
    expect((await next.reconcile([])).freed).toEqual(['10.1.0.2']);
    expect(next.usage()).toEqual([{ cidr: CIDR, withdrawn: false, total: 13, used: 0, quarantined: 1 }]);
  });

  it('rebuilds a damaged record from live pods, and holds back addresses that may have been freed just before', async () => {
    const disk = new CrashingDisk(() => 0);
    let now = 0;
    const ipam = await startedIpam(disk);
    await ipam.allocate(owner('a'));
    await ipam.allocate(owner('b'));
    await ipam.release(owner('a'));
    disk.flipByte(FILE, 30);
    const next = await openIpam(disk, () => now);
    await next.reconcile([{ owner: owner('b'), ips: [parseIpAddress('10.1.0.3')] }]);
    expect(disk.paths()).toContain(`${FILE}.corrupt-1`);
    expect((await next.allocate(owner('b')))[0]!.ip).toBe('10.1.0.3');
    const fixed = [parseIpAddress('10.1.0.2')];
    await expect(next.allocate(owner('c'), fixed)).rejects.toThrow('quarantined for another 60 s');
    now = QUARANTINE_MS;
    expect((await next.allocate(owner('c'), fixed))[0]!.ip).toBe('10.1.0.2');
  });

  it('keeps allocations of live pods outside changed CIDRs, and gives no other address of the old ones', async () => {
    const disk = new CrashingDisk(() => 0);
    await (await startedIpam(disk)).allocate(owner('a'));
    const next = await openIpam(disk, () => 0, [parseCidr('10.2.0.0/24')]);
    await next.reconcile([{ owner: owner('a'), ips: [parseIpAddress('10.1.0.2')] }]);
    expect((await next.allocate(owner('b')))[0]!.ip).toBe('10.2.0.2');
    await next.release(owner('a'));
    expect(next.list()).toEqual([{ ip: '10.2.0.2', owner: owner('b') }]);
  });
});

type Action =
  | { kind: 'allocate' | 'release'; pod: number }
  | { kind: 'wait'; ms: number }
  | { kind: 'crash' | 'fail'; steps: number }
  | { kind: 'flip'; at: number }
  | { kind: 'restart' }
  | { kind: 'reboot'; clock: number }
  | { kind: 'reconcile' };

const pod = fc.nat({ max: 15 });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('allocate' as const), pod }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), pod }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 70_000 }) }) },
  fc.record({ kind: fc.constantFrom('crash' as const, 'fail' as const), steps: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('reboot' as const), clock: fc.nat({ max: 1e9 }) }),
  fc.record({ kind: fc.constant('reconcile' as const) }),
);

/** A node under test: the service, its disk, and what the pods know for sure. */
class Node {
  readonly held = new Map<string, IpAddress>();
  /** Of pods that are gone but whose release the disk refused: these addresses are theirs until it succeeds. */
  readonly unreleased = new Map<string, IpAddress>();
  readonly freedAtMs = new Map<IpAddress, number>();
  trueNowMs = 0;
  #clockOffsetMs = 0;
  #boots = 0;
  /** Whether the record of freed addresses may have been damaged. */
  #historyLost = false;
  #ipam!: Ipam;

  constructor(readonly disk: CrashingDisk) {}

  async boot(clockOffsetMs: number): Promise<void> {
    this.#boots++;
    this.#clockOffsetMs = clockOffsetMs;
    await this.start();
  }

  async start(): Promise<void> {
    this.disk.restart();
    const nowMs = () => this.trueNowMs + this.#clockOffsetMs;
    this.#ipam = await openIpam(this.disk, nowMs, [CIDR], `boot ${this.#boots}`);
    await this.#ipam.reconcile(this.#live());
    this.unreleased.clear();
  }

  async perform(step: Action): Promise<void> {
    if (step.kind === 'wait') this.trueNowMs += step.ms;
    else if (step.kind === 'crash') this.disk.crashAfter(step.steps);
    else if (step.kind === 'fail') this.disk.failAfter(step.steps);
    else if (step.kind === 'flip') this.#flip(step.at);
    else if (step.kind === 'restart') await this.start();
    else if (step.kind === 'reboot') await this.boot(step.clock);
    else await this.#use(step).catch((thrown: unknown) => this.#tolerate(thrown));
    if (this.disk.down) await this.start();
  }

  #flip(at: number): void {
    this.#historyLost = true;
    this.disk.flipByte(FILE, at);
  }

  async freeAll(): Promise<void> {
    this.held.clear();
    this.trueNowMs += RECONCILE_GRACE_MS;
    await this.boot(0);
    this.freedAtMs.clear();
  }

  async #use(step: Action): Promise<void> {
    if (step.kind === 'reconcile') await this.#reconcile();
    if (step.kind === 'allocate') await this.allocate(`pod${step.pod}`);
    if (step.kind === 'release') await this.#release(`pod${step.pod}`);
  }

  async allocate(name: string): Promise<void> {
    const [{ total, used, quarantined }] = this.#ipam.usage() as [CidrUsage];
    const [given] = await this.#ipam.allocate(owner(name));
    const ip = given!.ip;
    expect(this.held.get(name) ?? ip).toBe(ip);
    const owners = [...this.held, ...this.unreleased].filter(([, owned]) => owned === ip);
    expect(owners.filter(([other]) => other !== name)).toEqual([]);
    const isNew = !this.held.has(name) && this.unreleased.get(name) !== ip;
    if (isNew && used + quarantined < total && !this.#historyLost) {
      expect(this.trueNowMs - (this.freedAtMs.get(ip) ?? -Infinity)).toBeGreaterThanOrEqual(QUARANTINE_MS);
    }
    this.unreleased.delete(name);
    this.held.set(name, ip);
  }

  async #release(name: string): Promise<void> {
    const ip = this.held.get(name) ?? this.unreleased.get(name);
    this.held.delete(name);
    if (ip !== undefined) {
      this.unreleased.set(name, ip);
      this.freedAtMs.set(ip, this.trueNowMs);
    }
    await this.#ipam.release(owner(name));
    this.unreleased.delete(name);
  }

  async #reconcile(): Promise<void> {
    const { freed } = await this.#ipam.reconcile(this.#live());
    for (const [name, ip] of this.unreleased) {
      if (!freed.includes(ip)) continue;
      this.unreleased.delete(name);
      this.freedAtMs.set(ip, this.trueNowMs);
    }
  }

  #live() {
    return [...this.held].map(([name, ip]) => ({ owner: owner(name), ips: [ip] }));
  }

  #tolerate(thrown: unknown): void {
    const code = (thrown as { code?: string }).code ?? '';
    if (!['STORE_FAILED', 'ALLOCATION_EXHAUSTED'].includes(code)) throw thrown;
  }
}

describe('the address service under crashes, refusing disks and flipped bytes', () => {
  it('gives no address to two pods, keeps quarantines while others are free, and loses no address', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 60 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
        async (steps, random) => {
          const node = new Node(new CrashingDisk(() => random.next().value as number));
          await node.boot(0);
          for (const step of steps) await node.perform(step);
          await node.freeAll();
          for (let i = 0; i < 13; i++) await node.allocate(`late${i}`);
        },
      ),
      { numRuns: fuzzRuns(24) },
    );
  });
});

describe('the address service when the node gets other pod CIDRs', () => {
  const other = parseCidr('10.2.0.0/28');

  it('allocates from a CIDR that came late', async () => {
    const ipam = await openIpam(new CrashingDisk(() => 0), () => 0, []);
    await ipam.reconcile([]);
    await expect(ipam.allocate(owner('a'))).rejects.toMatchObject({ code: 'NOT_READY' });
    await ipam.useCidrs([CIDR]);
    expect((await ipam.allocate(owner('a')))[0]!.ip).toBe('10.1.0.2');
  });

  it('keeps a withdrawn CIDR across a restart while a pod has an address from it', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    await ipam.allocate(owner('a'));
    await ipam.useCidrs([other]);
    disk.restart();
    const next = await openIpam(disk, () => 0, [other]);
    expect(next.withdrawn).toEqual([CIDR]);
    await next.release(owner('a'));
    expect(next.withdrawn).toEqual([]);
  });

  it('applies at start a change of the configuration', async () => {
    const disk = new CrashingDisk(() => 0);
    await (await startedIpam(disk)).allocate(owner('a'));
    disk.restart();
    expect((await openIpam(disk, () => 0, [other])).withdrawn).toEqual([CIDR]);
  });

  it('keeps the CIDRs it has when the disk refuses the new ones', async () => {
    const disk = new CrashingDisk(() => 0);
    const ipam = await startedIpam(disk);
    await ipam.allocate(owner('a'));
    disk.failAfter(3);
    await expect(ipam.useCidrs([other])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(ipam.withdrawn).toEqual([]);
    expect((await ipam.allocate(owner('b')))[0]!.cidr).toBe(CIDR);
  });

  it('refuses CIDRs that overlap', async () => {
    const ipam = await startedIpam();
    await expect(ipam.useCidrs([CIDR, parseCidr('10.1.0.0/16')])).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
  });
});
