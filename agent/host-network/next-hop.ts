/**
 * The next hop into the mesh as a permanent neighbour behind the TAP: one entry per family, however many peers and pods there
 * are. The router takes every frame that the TAP is given, so nothing is ever asked.
 */
import { MESH_MAC } from '../../common/address/mac-address.js';
import { listNeighbours } from '../../common/host/ip-output.js';
import { MESH_NEXT_HOP } from '../../common/host/kernel-marks.js';
import { familiesOf } from './host-plan.js';
import type { HostPart, Repair } from './host-plan.js';

export const nextHopPart: HostPart = {
  name: 'next hop',
  async plan(spec, view) {
    const { tapName } = spec;
    if ((await view.tap(tapName)) === null) return [];
    const args = ['neigh', 'show', 'dev', tapName, 'nud', 'permanent'];
    const present = await listNeighbours(view.commands, args);
    return familiesOf(spec)
      .map((family) => MESH_NEXT_HOP[family])
      .filter((address) => !present.some((found) => found.address === address && found.mac === MESH_MAC))
      .map((address): Repair => ({
        what: `next hop ${address} was no permanent neighbour on ${tapName}`,
        program: 'ip',
        args: ['neigh', 'replace', address, 'lladdr', MESH_MAC, 'dev', tapName, 'nud', 'permanent'],
      }));
  },
};
