/**
 * Run of the repairs of one part of the host, in their order. Those by `ip` that follow each other are done by one process: a new
 * node has three dozen, and the start of a program takes longer than what it does.
 */
import type { IpFamily } from '../../common/address/ip-address.js';
import { CommandError, HeddleError, messageOf } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';
import { runIpBatches } from '../../common/host/ip-batch.js';
import type { Repair } from './host-plan.js';
import type { SettingsRecord } from './settings-record.js';

/** What `ip -batch` takes for one word as it is. */
const WORD = /^[^\s"'\\#]+$/;
const FAMILY = /^-([46])$/;

/**
 * Throws when a repair that is not optional failed; those after it may have been made.
 * @param onMended called with what was wrong, for every repair that was made
 */
export async function mendAll(
  commands: CommandRunner,
  settings: SettingsRecord,
  repairs: readonly Repair[],
  onMended: (what: string) => void,
): Promise<void> {
  for (const group of groupsOf(repairs)) {
    const outcomes = await mend(commands, settings, group);
    group.forEach(({ what }, i) => {
      if (outcomes[i]!.status === 'fulfilled') onMended(what);
    });
    group.forEach((repair, i) => throwUnlessOptional(repair, outcomes[i]!));
  }
}

function groupsOf(repairs: readonly Repair[]): Repair[][] {
  const groups: Repair[][] = [];
  for (const repair of repairs) {
    const last = groups.at(-1);
    const goesOn = last !== undefined && isIpLine(repair) && isIpLine(last[0]!) && sameFamily(repair, last[0]!);
    if (goesOn) last.push(repair);
    else groups.push([repair]);
  }
  return groups;
}

function isIpLine({ program, args, setting }: Repair): boolean {
  return program === 'ip' && setting === undefined && args.every((word) => WORD.test(word));
}

function sameFamily(one: Repair, other: Repair): boolean {
  return familyOf(one) === familyOf(other);
}

function familyOf({ args }: Repair): IpFamily | undefined {
  const digit = FAMILY.exec(args[0] ?? '')?.[1];
  return digit === undefined ? undefined : (Number(digit) as IpFamily);
}

async function mend(
  commands: CommandRunner,
  settings: SettingsRecord,
  group: readonly Repair[],
): Promise<readonly PromiseSettledResult<unknown>[]> {
  const [first] = group as [Repair];
  if (group.length === 1) return Promise.allSettled([mendOne(commands, settings, first)]);
  const family = familyOf(first);
  const lines = group.map(({ args }) => [{ text: (family === undefined ? args : args.slice(1)).join(' ') }]);
  return runIpBatches(commands, lines, family);
}

async function mendOne(
  commands: CommandRunner,
  settings: SettingsRecord,
  { program, args, input, setting }: Repair,
): Promise<void> {
  if (setting !== undefined) await settings.add(setting);
  await commands.run(program, args, input);
}

function throwUnlessOptional({ optional, advice }: Repair, outcome: PromiseSettledResult<unknown>): void {
  if (outcome.status === 'fulfilled') return;
  const thrown: unknown = outcome.reason;
  if (optional === true && thrown instanceof CommandError) return;
  if (advice !== undefined) throw new HeddleError('HOST_REFUSED', `${messageOf(thrown)}; run: ${advice}`);
  throw thrown;
}
