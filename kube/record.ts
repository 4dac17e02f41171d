/** What the API server said last, on disk: a node starts with it while the API server is away. */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Check } from 'typebox/value';
import { parseCidr } from '../common/address/cidr.js';
import { DecodeError } from '../common/errors.js';
import type { Disk } from '../common/storage/disk.js';
import { DurableFile } from '../common/storage/durable-file.js';

const RecordSchema = Type.Object({
  nodeName: Type.String(),
  server: Type.String({ pattern: '^https?://' }),
  podCidrs: Type.Array(Type.String()),
  clusterCidrs: Type.Array(Type.String()),
  seeds: Type.Array(Type.String()),
});
export type KubernetesRecord = Static<typeof RecordSchema>;

/** @param path absolute */
export function kubernetesRecord(disk: Disk, path: string): DurableFile<KubernetesRecord> {
  return new DurableFile(disk, path, {
    kind: 'heddle-kubernetes/1',
    encode: (record) => record,
    decode(body) {
      if (!Check(RecordSchema, body)) throw new DecodeError('Kubernetes record: expected CIDRs and seeds');
      for (const cidr of [...body.podCidrs, ...body.clusterCidrs]) parseCidr(cidr);
      return body;
    },
  });
}
