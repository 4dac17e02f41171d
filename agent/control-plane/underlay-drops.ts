/**
 * Packets that this node sends and that an interface of the underlay cannot take. A veth pair without a queueing discipline has
 * 256 places and no back-pressure: when its reader is slow (threaded NAPI), a tenth of the datagrams is lost
 * (docs/measurements.md), which no counter of the router shows.
 */
import type { InterfaceInfo } from '../../common/host/ip-output.js';

/** Between two looks: fewer packets, or a smaller share, are not worth a word. */
const MIN_DROPPED = 100;
const MIN_SHARE = 0.01;
const WITHOUT_DISCIPLINE = 'noqueue';

type Sending = NonNullable<InterfaceInfo['sending']>;

export class UnderlayDrops {
  /** Bounded by the interfaces that there are. null before the first look: what was dropped until then is of others. */
  #last: ReadonlyMap<string, Sending> | null = null;
  #total = 0;
  #advice = '';

  /** @param interfaces all of the underlay that there are now */
  note(interfaces: readonly InterfaceInfo[]): void {
    const now = new Map(
      interfaces.flatMap(({ name, sending }) => (sending === null ? [] : [[name, sending] as const])),
    );
    const last = this.#last ?? now;
    this.#advice = interfaces
      .map((info) => this.#compare(info, last.get(info.name)))
      .filter((sentence) => sentence !== '')
      .join('; ');
    this.#last = now;
  }

  /** By the name of the reason; empty without drops. */
  get total(): Readonly<Record<string, number>> {
    return this.#total > 0 ? { underlayQueueFull: this.#total } : {};
  }

  /** What was dropped between the last two looks and what to do about it; '' when it was little. */
  get advice(): string {
    return this.#advice;
  }

  #compare({ name, discipline, sending }: InterfaceInfo, before: Sending | undefined): string {
    if (sending === null || before === undefined || sending.dropped < before.dropped) return '';
    const dropped = sending.dropped - before.dropped;
    this.#total += dropped;
    const share = dropped / Math.max(1, dropped + sending.packets - before.packets);
    if (dropped < MIN_DROPPED || share < MIN_SHARE) return '';
    const what = `${name} could not take ${dropped} packets, ${(share * 100).toFixed(1)} % of what this node sends there`;
    return discipline === WITHOUT_DISCIPLINE ? `${what}: tc qdisc replace dev ${name} root pfifo limit 10000` : what;
  }
}
