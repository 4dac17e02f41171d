/** Slices of forwarding tables for the threads, so that frames are forwarded while a large table is taken. */
import type { ForwardingTables } from '../../common/router-port.js';
import type { TablesSlice } from '../forwarder-messages.js';
import { ROUTES_PER_SLICE } from '../limits.js';

export function tableSlices({ routes, ...head }: ForwardingTables): TablesSlice[] {
  const count = Math.max(1, Math.ceil(routes.length / ROUTES_PER_SLICE));
  return Array.from({ length: count }, (_, i) => ({
    type: 'tablesSlice',
    begin: i === 0 ? { head, routeCount: routes.length } : null,
    routes: routes.slice(i * ROUTES_PER_SLICE, (i + 1) * ROUTES_PER_SLICE),
    isLast: i === count - 1,
  }));
}
