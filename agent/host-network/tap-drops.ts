/**
 * Frames towards the router that the kernel dropped behind its back, because the TAP's queue (`tap-port.ts`) or the queueing
 * discipline before it was full. A TAP that is made anew counts from zero.
 */
import { isRecord } from '../../common/codec/message-shape.js';
import { ifItFails, runJson } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';

/** By the name of the reason; empty without drops, and without a TAP. Throws CommandError without `ip`. */
export async function listTapDrops(
  commands: CommandRunner,
  tapName: string,
): Promise<Readonly<Record<string, number>>> {
  const dropped = (await droppedByQueue(commands, tapName)) + (await droppedByDiscipline(commands, tapName));
  return dropped > 0 ? { tapQueueFull: dropped } : {};
}

async function droppedByQueue(commands: CommandRunner, tapName: string): Promise<number> {
  const links = await list(commands, 'ip', ['-json', '-statistics', 'link', 'show', 'type', 'tun']);
  const stats = links.find(({ ifname }) => ifname === tapName)?.['stats64'];
  const sent = isRecord(stats) ? stats['tx'] : null;
  return isRecord(sent) ? count(sent['dropped']) : 0;
}

/** The root sums up what is below it. 0 without `tc`. */
async function droppedByDiscipline(commands: CommandRunner, tapName: string): Promise<number> {
  const listing = list(commands, 'tc', ['-json', '-statistics', 'qdisc', 'show', 'dev', tapName]);
  return count((await ifItFails(listing, [])).find(({ root }) => root === true)?.['drops']);
}

async function list(commands: CommandRunner, program: string, args: readonly string[]) {
  const listed = await runJson(commands, program, args);
  return Array.isArray(listed) ? listed.filter(isRecord) : [];
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
