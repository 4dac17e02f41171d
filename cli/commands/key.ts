/** View of `meshctl key`: this node's line for lists of keys (`trustedKeysFile`). */
import type { Status } from '../../common/api.js';
import type { View } from '../output/output.js';
import { printable } from '../output/table.js';

export type NodeKey = Pick<Status, 'name' | 'publicKey'>;

export function keyOf({ name, publicKey }: Status): NodeKey {
  return { name, publicKey };
}

export const keyView: View<NodeKey> = {
  text: ({ name, publicKey }) => `${printable(name)} ${printable(publicKey)}\n`,
};
