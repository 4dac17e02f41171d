/** Store of the endpoint list, {@link EndpointList}, in one durable file. A change that cannot be written has no effect. */
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { join } from 'node:path';
import type { Disk } from '../common/storage/disk.js';
import { DurableFile } from '../common/storage/durable-file.js';
import type { DurableCodec } from '../common/storage/durable-file.js';
import { DecodeError } from '../common/errors.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import type { Logger } from '../common/log.js';
import { parseMacAddress } from '../common/address/mac-address.js';
import { JoinedCalls } from '../common/joined-calls.js';
import { SOLE_ROUTING } from './attachment.js';
import type { EndpointRecord } from './attachment.js';
import type { EndpointList } from './deps.js';

const FILE_NAME = 'endpoints.json';
/** Changes in one write of the file. */
const MAX_TOGETHER = 64;

type Change = (records: Map<string, EndpointRecord>) => unknown;

const FamiliesSchema = Type.Array(Type.Union([Type.Literal(4), Type.Literal(6)]));
const RecordsSchema = Type.Array(
  Type.Object({
    containerId: Type.String(),
    ifname: Type.String(),
    network: Type.String(),
    netns: Type.String(),
    hostInterface: Type.String(),
    mac: Type.String(),
    ips: Type.Array(Type.String()),
    /** Absent in records of earlier versions, which attached pods with one interface. */
    routing: Type.Optional(
      Type.Object({
        defaultFamilies: FamiliesSchema,
        clusterFamilies: FamiliesSchema,
        metric: Type.Union([Type.Integer(), Type.Null()]),
        beside: Type.Boolean(),
      }),
    ),
    podNamespace: Type.Union([Type.String(), Type.Null()]),
    podName: Type.Union([Type.String(), Type.Null()]),
    podUid: Type.Optional(Type.String()),
    since: Type.String(),
  }),
);

const codec: DurableCodec<readonly EndpointRecord[]> = {
  kind: 'heddle-endpoints/1',
  encode: (records) => records,
  decode(body) {
    if (!Check(RecordsSchema, body)) throw new DecodeError('endpoints file: expected a list of endpoint records');
    return body.map(({ mac, ips, routing = SOLE_ROUTING, ...entry }) => ({
      ...entry,
      mac: parseMacAddress(mac),
      ips: ips.map(parseIpAddress),
      routing,
    }));
  },
};

export class EndpointStore implements EndpointList {
  /** Bounded by the CNI calls at work. */
  readonly #changes = new JoinedCalls<Change>((changes) => this.#write(changes), MAX_TOGETHER);
  readonly #file: DurableFile<readonly EndpointRecord[]>;
  /** By host interface. Bounded by the pods of this node: a bridge takes 1023. */
  #records: ReadonlyMap<string, EndpointRecord>;

  private constructor(file: DurableFile<readonly EndpointRecord[]>, records: readonly EndpointRecord[]) {
    this.#file = file;
    this.#records = byHostInterface(records);
  }

  /** A damaged file is renamed and reported; the reconciler rebuilds the list from the host interfaces. */
  static async open(disk: Disk, directory: string, log: Logger): Promise<EndpointStore> {
    const file = new DurableFile(disk, join(directory, FILE_NAME), codec);
    const loaded = await file.read();
    if (loaded.kind === 'corrupt') {
      log.error(
        { keptAs: loaded.keptAs, reason: loaded.reason },
        'endpoint list is damaged; it is rebuilt from the host interfaces of live pods',
      );
    }
    return new EndpointStore(file, loaded.kind === 'value' ? loaded.value : []);
  }

  get(hostInterface: string): EndpointRecord | null {
    return this.#records.get(hostInterface) ?? null;
  }

  list(): readonly EndpointRecord[] {
    return [...this.#records.values()];
  }

  put(record: EndpointRecord): Promise<void> {
    return this.#changes.run((records) => records.set(record.hostInterface, record));
  }

  remove(hostInterface: string): Promise<void> {
    if (!this.#records.has(hostInterface) && this.#changes.isIdle) return Promise.resolve();
    return this.#changes.run((records) => records.delete(hostInterface));
  }

  async #write(changes: readonly Change[]): Promise<readonly PromiseSettledResult<void>[]> {
    const records = new Map(this.#records);
    for (const apply of changes) apply(records);
    await this.#file.write([...records.values()]);
    this.#records = records;
    return changes.map(() => ({ status: 'fulfilled', value: undefined }));
  }
}

function byHostInterface(records: readonly EndpointRecord[]): ReadonlyMap<string, EndpointRecord> {
  return new Map(records.map((record) => [record.hostInterface, record]));
}
