/**
 * The source guard's table (`cni/pod-network/source-guard.ts`). When it is missing or its rules were changed it is written
 * anew, with the elements of all attached pods. Its elements otherwise come and go with the pods.
 */
import { addElementLines, guardElements, SOURCE_GUARD } from '../../cni/index.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { HostPart } from './host-plan.js';
import { listNftTable, nftTableRepairs } from './nft-table.js';

export const GUARD_TABLE = SOURCE_GUARD.id;

export const guardTablePart: HostPart = {
  name: 'source guard',
  async plan({ pods }, view) {
    const found = await listNftTable(view.commands, GUARD_TABLE);
    return nftTableRepairs(SOURCE_GUARD, found, addElementLines(pods.flatMap(guardElements)));
  },
};

/** Frames of pods dropped so far, by reason; those that have not occurred are left out. Throws CommandError without nft. */
export async function listGuardDrops(commands: CommandRunner): Promise<Readonly<Record<string, number>>> {
  const found = await listNftTable(commands, GUARD_TABLE);
  return Object.fromEntries(Object.entries(found?.counters ?? {}).filter(([, packets]) => packets > 0));
}
