/** Slices of forwarding tables for the threads, so that frames are forwarded while a large table is taken. */
import type { ForwardingTables, TablesChange } from '../../common/router-port.js';
import type { TablesChangeSlice, TablesSlice } from '../forwarder-messages.js';
import { ROUTES_PER_SLICE } from '../limits.js';

/** @param room routes that the threads are to have room for, with those that changes will add */
export function tableSlices({ routes, ...head }: ForwardingTables, room = routes.length): TablesSlice[] {
  const parts = slicesOf(routes);
  return parts.map((part, i) => ({
    type: 'tablesSlice',
    begin: i === 0 ? { head, routeCount: room } : null,
    routes: part,
    isLast: i === parts.length - 1,
  }));
}

export function changeSlices({ generation, localAddresses, removed, routes }: TablesChange): TablesChangeSlice[] {
  const parts = slicesOf([...removed.map((cidr) => ({ cidr, peer: null })), ...routes]);
  return parts.map((part, i) => ({
    type: 'tablesChangeSlice',
    generation,
    localAddresses: i === 0 ? localAddresses : null,
    routes: part,
  }));
}

/** One at least. */
function slicesOf<Item>(items: readonly Item[]): Item[][] {
  const count = Math.max(1, Math.ceil(items.length / ROUTES_PER_SLICE));
  return Array.from({ length: count }, (_, i) => items.slice(i * ROUTES_PER_SLICE, (i + 1) * ROUTES_PER_SLICE));
}
