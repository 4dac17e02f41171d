/**
 * Forwarding tables as the agent said them, with the changes since: what the threads are told of a change, and what the router
 * that follows is given. The tables of a thread do not grow in place; when a change needs more room they are told anew, in slices.
 */
import type { Cidr } from '../../common/address/cidr.js';
import { DecodeError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import { changeRoutes, removeRoutesTo } from '../../common/route-changes.js';
import type { ForwardingTables, TablesChange } from '../../common/router-port.js';
import type { TablesChangeSlice, TablesSlice } from '../forwarder-messages.js';
import { MAX_ROUTES } from '../limits.js';
import type { TablesHead } from '../tables/forwarding-tables.js';
import { changeSlices, tableSlices } from './table-slices.js';

/** Routes that a change may add, at least, before the threads get whole tables. */
const LEAST_ROOM = 256;

export class KeptTables {
  #head: TablesHead | null = null;
  /** Bounded by MAX_ROUTES. */
  #routes = new Map<Cidr, NodeId>();
  /** Routes that the tables of the threads have room for. */
  #room = 0;

  /** Null before the first ones. */
  get whole(): ForwardingTables | null {
    if (this.#head === null) return null;
    return { ...this.#head, routes: Array.from(this.#routes, ([cidr, peer]) => ({ cidr, peer })) };
  }

  /** @returns for the threads */
  take({ routes, ...head }: ForwardingTables): TablesSlice[] {
    this.#head = head;
    this.#routes = new Map();
    // Of equal CIDRs the first counts, as in the tables of a thread.
    for (const { cidr, peer } of routes) if (!this.#routes.has(cidr)) this.#routes.set(cidr, peer);
    return this.#slices();
  }

  /** @returns for the threads. Throws {@link DecodeError} when it changes other tables, or there are too many routes then */
  change(change: TablesChange): readonly (TablesSlice | TablesChangeSlice)[] {
    const { base, generation, localAddresses } = change;
    const head = this.#head;
    if (head?.generation !== base) {
      throw new DecodeError(`change of tables ${base}, but the router has ${head?.generation ?? 'none'}`);
    }
    changeRoutes(this.#routes, change);
    if (this.#routes.size > MAX_ROUTES) throw new DecodeError(`more than ${MAX_ROUTES} routes`);
    this.#head = { ...head, generation, localAddresses: localAddresses ?? head.localAddresses };
    return this.#routes.size > this.#room ? this.#slices() : changeSlices(change);
  }

  /** Its routes too, as the threads do. */
  removePeer(id: NodeId): void {
    removeRoutesTo(id, this.#routes);
  }

  #slices(): TablesSlice[] {
    const { whole } = this;
    if (whole === null) return [];
    this.#room = whole.routes.length + Math.max(LEAST_ROOM, whole.routes.length >> 1);
    return tableSlices(whole, this.#room);
  }
}
