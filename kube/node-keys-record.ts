/** Record of nodes that the API server named, on disk: their ids, names and pod CIDRs. */
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { DecodeError } from '../common/errors.js';
import { parseNodeId } from '../common/node-id.js';
import type { NodeId } from '../common/node-id.js';
import { MAX_PEERS } from '../common/protocol.js';
import type { Disk } from '../common/storage/disk.js';
import { DurableFile } from '../common/storage/durable-file.js';

export interface NamedNode {
  readonly node: NodeId;
  readonly name: string;
  readonly podCidrs: readonly Cidr[];
}

const RecordSchema = Type.Array(
  Type.Object({ node: Type.String(), name: Type.String(), podCidrs: Type.Array(Type.String()) }),
  { maxItems: MAX_PEERS },
);

/** @param path absolute */
export function nodeKeysRecord(disk: Disk, path: string): DurableFile<readonly NamedNode[]> {
  return new DurableFile(disk, path, {
    kind: 'heddle-node-keys/1',
    encode: (named) => named,
    decode(body) {
      if (!Check(RecordSchema, body)) throw new DecodeError('record of node keys: expected ids, names and pod CIDRs');
      return body.map(({ node, name, podCidrs }) => ({
        node: parseNodeId(node),
        name,
        podCidrs: podCidrs.map(parseCidr),
      }));
    },
  });
}
