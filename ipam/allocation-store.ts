/**
 * Store of the allocator's state in a durable file. Times are not stored, since a monotonic clock does not survive a boot:
 * after a restart every freed address begins a whole quarantine again, and every allocation counts as old.
 */
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { join } from 'node:path';
import { parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import type { Disk } from '../common/storage/disk.js';
import { DurableFile } from '../common/storage/durable-file.js';
import type { DurableCodec, DurableRead } from '../common/storage/durable-file.js';
import { DecodeError } from '../common/errors.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import type { IpAddress } from '../common/address/ip-address.js';
import type { AddressOwner, AllocatorState } from './allocation.js';

const FILE_NAME = 'allocations.json';

const RecordSchema = Type.Object({
  allocations: Type.Array(Type.Object({ ip: Type.String(), containerId: Type.String(), ifname: Type.String() })),
  released: Type.Array(Type.String(), { description: 'Oldest first' }),
  cursors: Type.Array(Type.Object({ cidr: Type.String(), offset: Type.String({ pattern: '^[0-9]{1,39}$' }) })),
  historyLost: Type.Boolean({ description: 'Freed addresses from before may be unknown' }),
  cidrs: Type.Optional(Type.Array(Type.String(), { description: 'The pod CIDRs then, withdrawn ones included' })),
});

/** An {@link AllocatorState} without times and configuration. */
export interface AllocationRecord {
  readonly allocations: ReadonlyMap<IpAddress, AddressOwner>;
  readonly released: readonly IpAddress[];
  readonly cursors: ReadonlyMap<Cidr, bigint>;
  /** Whether never-used addresses were held back, which a restart then repeats. */
  readonly historyLost: boolean;
  /** The pod CIDRs when this was written, withdrawn ones included. */
  readonly cidrs: readonly Cidr[];
}

const codec: DurableCodec<AllocationRecord> = {
  kind: 'heddle-allocations/1',
  encode: (record) => ({
    allocations: [...record.allocations].map(([ip, owner]) => ({
      ip,
      containerId: owner.containerId,
      ifname: owner.ifname,
    })),
    released: record.released,
    cursors: [...record.cursors].map(([cidr, offset]) => ({ cidr, offset: offset.toString() })),
    historyLost: record.historyLost,
    cidrs: record.cidrs,
  }),
  decode(body) {
    if (!Check(RecordSchema, body)) throw new DecodeError('allocations file: expected a record of allocations');
    return {
      allocations: new Map(body.allocations.map(({ ip, ...owner }) => [parseIpAddress(ip), owner])),
      released: body.released.map(parseIpAddress),
      cursors: new Map(body.cursors.map(({ cidr, offset }) => [parseCidr(cidr), BigInt(offset)])),
      historyLost: body.historyLost,
      cidrs: (body.cidrs ?? []).map(parseCidr),
    };
  },
};

export class AllocationStore {
  readonly #file: DurableFile<AllocationRecord>;

  /** @param directory absolute; holds one file, and copies of damaged ones */
  constructor(disk: Disk, directory: string) {
    this.#file = new DurableFile(disk, join(directory, FILE_NAME), codec);
  }

  load(): Promise<DurableRead<AllocationRecord>> {
    return this.#file.read();
  }

  /** Resolves when the state survives a crash; rejects with STORE_FAILED. */
  save(state: AllocatorState, nowMs: number): Promise<void> {
    return this.#file.write({
      allocations: new Map([...state.allocations].map(([ip, held]) => [ip, held.owner])),
      released: state.released.map((freed) => freed.ip),
      cursors: new Map([...state.cursors].filter(([cidr]) => state.cidrs.includes(cidr))),
      historyLost: nowMs < state.coldUntilMs,
      cidrs: [...state.cidrs, ...state.withdrawn],
    });
  }
}
