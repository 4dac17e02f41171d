/**
 * Kernel settings of the host that an agent changed, given back: forwarding first, since with it `accept_ra=1` would lose the default
 * route. A setting that others changed since is left to them.
 */
import type { CommandRunner } from '../../common/host/command.js';
import { ifItFails } from '../../common/host/command.js';
import type { Disk } from '../../common/storage/disk.js';
import { SettingsRecord } from '../../agent/host-network/index.js';
import type { SettingChange } from '../../agent/host-network/index.js';
import type { Artefact } from './host-artefacts.js';

export async function findSettingArtefacts(commands: CommandRunner, disk: Disk, stateDir: string): Promise<Artefact[]> {
  const changes = await new SettingsRecord(disk, stateDir).changes();
  const isSwitch = ({ path }: SettingChange) => !path.endsWith('/accept_ra');
  const inOrder = [...changes.filter(isSwitch), ...changes.filter((change) => !isSwitch(change))];
  const current = await Promise.all(inOrder.map(({ path }) => readSetting(commands, path)));
  return inOrder
    .filter(({ changedTo }, i) => current[i] === changedTo)
    .map((change) => ({
      label: `setting ${change.path} = ${change.changedTo}, which was ${change.found}`,
      remove: () => giveBack(commands, change),
    }));
}

async function giveBack(commands: CommandRunner, { path, found, resets }: SettingChange): Promise<void> {
  await commands.run('tee', [path], `${found}\n`);
  for (const { path: also, value } of resets) {
    // Of an interface that is gone there is nothing to give back.
    if ((await readSetting(commands, also)) !== null) await commands.run('tee', [also], `${value}\n`);
  }
}

/** Null when there is no such setting: an interface that is gone. */
async function readSetting(commands: CommandRunner, path: string): Promise<string | null> {
  return (await ifItFails(commands.run('cat', [path]), null))?.trim() ?? null;
}
