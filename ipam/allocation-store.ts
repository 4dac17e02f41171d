/**
 * Store of the allocator's state in a durable file. The times of releases are on the clock since boot, beside the id of that
 * boot: within one boot a quarantine ends when it ends, whatever restarts. After another boot, and from a record of an
 * earlier version, every freed address begins a whole quarantine again. Every allocation counts as old.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
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

const OWNER_FIELDS = { containerId: Type.String(), ifname: Type.String(), pod: Type.Optional(Type.String()) };

/** Milliseconds on the clock since the boot with this id. */
const QuarantineSchema = Type.Object({
  bootId: Type.String(),
  coldUntilMs: Type.Optional(Type.Number()),
  releases: Type.Array(
    Type.Object({ ip: Type.String(), atMs: Type.Number(), owner: Type.Optional(Type.Object(OWNER_FIELDS)) }),
  ),
});

/** Fields that are optional here came later: a record without them loads. */
const RecordSchema = Type.Object({
  allocations: Type.Array(Type.Object({ ip: Type.String(), ...OWNER_FIELDS })),
  released: Type.Array(Type.String(), { description: 'Oldest first' }),
  quarantine: Type.Optional(QuarantineSchema),
  cursors: Type.Array(Type.Object({ cidr: Type.String(), offset: Type.String({ pattern: '^[0-9]{1,39}$' }) })),
  historyLost: Type.Boolean({ description: 'Freed addresses from before may be unknown' }),
  cidrs: Type.Optional(Type.Array(Type.String(), { description: 'The pod CIDRs then, withdrawn ones included' })),
});

/** When an address was freed, and who had it. */
interface ReleaseRecord {
  readonly ip: IpAddress;
  /** Milliseconds since the boot of the record. */
  readonly atMs: number;
  readonly owner: AddressOwner | null;
}

/** Times of the record, with the boot that their clock began at. */
export interface QuarantineRecord {
  readonly bootId: string;
  readonly releases: readonly ReleaseRecord[];
  /** See {@link AllocatorState}; null when nothing was held back. */
  readonly coldUntilMs: number | null;
}

/** An {@link AllocatorState} without configuration. */
export interface AllocationRecord {
  readonly allocations: ReadonlyMap<IpAddress, AddressOwner>;
  /** Oldest first. */
  readonly released: readonly IpAddress[];
  /** Null in a record of an earlier version. */
  readonly quarantine: QuarantineRecord | null;
  readonly cursors: ReadonlyMap<Cidr, bigint>;
  /** Whether never-used addresses were held back, which a restart then repeats. */
  readonly historyLost: boolean;
  /** The pod CIDRs when this was written, withdrawn ones included. */
  readonly cidrs: readonly Cidr[];
}

const codec: DurableCodec<AllocationRecord> = {
  kind: 'heddle-allocations/1',
  encode: (record) => ({
    allocations: [...record.allocations].map(([ip, owner]) => ({ ip, ...ownerFields(owner) })),
    released: record.released,
    quarantine: record.quarantine === null ? undefined : encodeQuarantine(record.quarantine),
    cursors: [...record.cursors].map(([cidr, offset]) => ({ cidr, offset: offset.toString() })),
    historyLost: record.historyLost,
    cidrs: record.cidrs,
  }),
  decode(body) {
    if (!Check(RecordSchema, body)) throw new DecodeError('allocations file: expected a record of allocations');
    return {
      allocations: new Map(body.allocations.map(({ ip, ...owner }) => [parseIpAddress(ip), owner])),
      released: body.released.map(parseIpAddress),
      quarantine: body.quarantine === undefined ? null : decodeQuarantine(body.quarantine),
      cursors: new Map(body.cursors.map(({ cidr, offset }) => [parseCidr(cidr), BigInt(offset)])),
      historyLost: body.historyLost,
      cidrs: (body.cidrs ?? []).map(parseCidr),
    };
  },
};

function encodeQuarantine({ bootId, coldUntilMs, releases }: QuarantineRecord): Static<typeof QuarantineSchema> {
  return {
    bootId,
    ...(coldUntilMs === null ? {} : { coldUntilMs }),
    releases: releases.map(({ ip, atMs, owner }) => ({
      ip,
      atMs,
      ...(owner === null ? {} : { owner: ownerFields(owner) }),
    })),
  };
}

function decodeQuarantine({ bootId, coldUntilMs, releases }: Static<typeof QuarantineSchema>): QuarantineRecord {
  return {
    bootId,
    coldUntilMs: coldUntilMs ?? null,
    releases: releases.map(({ ip, atMs, owner }) => ({ ip: parseIpAddress(ip), atMs, owner: owner ?? null })),
  };
}

function ownerFields({ containerId, ifname, pod }: AddressOwner): AddressOwner {
  return { containerId, ifname, ...(pod === undefined ? {} : { pod }) };
}

export class AllocationStore {
  readonly #file: DurableFile<AllocationRecord>;

  /**
   * @param directory absolute; holds one file, and copies of damaged ones
   * @param bootId of the boot that the allocator's clock counts from
   */
  constructor(
    disk: Disk,
    directory: string,
    readonly bootId: string,
  ) {
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
      quarantine: {
        bootId: this.bootId,
        coldUntilMs: nowMs < state.coldUntilMs ? state.coldUntilMs : null,
        releases: state.released.map(({ ip, releasedAtMs, owner }) => ({ ip, atMs: releasedAtMs, owner })),
      },
      cursors: new Map([...state.cursors].filter(([cidr]) => state.cidrs.includes(cidr))),
      historyLost: nowMs < state.coldUntilMs,
      cidrs: [...state.cidrs, ...state.withdrawn],
    });
  }
}
