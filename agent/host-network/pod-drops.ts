/**
 * Frames towards pods that the kernel dropped at their interfaces: a pod that reads too slowly, or whose interface is down. The
 * kernel counts by interface and forgets with it; the sum here never falls while the agent runs.
 */
import { isRecord } from '../../common/codec/message-shape.js';
import { runJson } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { POD_INTERFACE_GROUP } from '../../common/host/kernel-marks.js';

/** By host interface, its drops since it was made. Throws CommandError without `ip`. */
export async function listPodDrops(commands: CommandRunner): Promise<ReadonlyMap<string, number>> {
  const args = ['-json', '-statistics', 'link', 'show', 'group', POD_INTERFACE_GROUP];
  const listed = await runJson(commands, 'ip', args);
  const links = Array.isArray(listed) ? listed.filter(isRecord) : [];
  return new Map(links.map(({ ifname, stats64 }) => [String(ifname), droppedOf(stats64)]));
}

export class PodDrops {
  /** Bounded by the interfaces that there are. */
  #last: ReadonlyMap<string, number> = new Map();
  #total = 0;

  /** @param drops of all interfaces that there are now */
  note(drops: ReadonlyMap<string, number>): void {
    // An interface that is made anew under its name counts from zero.
    for (const [name, count] of drops) {
      const before = this.#last.get(name) ?? 0;
      this.#total += count >= before ? count - before : count;
    }
    this.#last = drops;
  }

  /** By the name of the reason; empty without drops. */
  get total(): Readonly<Record<string, number>> {
    return this.#total > 0 ? { podInterfaceDropped: this.#total } : {};
  }
}

function droppedOf(stats: unknown): number {
  const sent = isRecord(stats) ? stats['tx'] : null;
  const dropped = isRecord(sent) ? sent['dropped'] : null;
  return typeof dropped === 'number' ? dropped : 0;
}
