/** View of `meshctl routes`: pod CIDRs, the nodes that own them, and whether those are reachable. */
import type { Route } from '../../common/api.js';
import { UNKNOWN } from '../output/figures.js';
import { tableView } from '../output/output.js';
import type { Tone } from '../output/paint.js';
import type { Column } from '../output/table.js';

const VIA_TONES: Readonly<Record<Route['via'], Tone>> = { local: 'plain', link: 'good', unreachable: 'bad' };

const columns: readonly Column<Route>[] = [
  { title: 'CIDR', text: (route) => route.cidr },
  { title: 'NODE', text: (route) => route.node },
  { title: 'NODE ID', text: (route) => route.nodeId, wide: true },
  { title: 'VIA', text: (route) => route.via, tone: (route) => VIA_TONES[route.via] ?? 'plain' },
  {
    title: 'CONFLICT',
    text: (route) => route.conflict ?? UNKNOWN,
    tone: (route) => (route.conflict === null ? 'plain' : 'bad'),
  },
  { title: 'WHY', text: (route) => route.conflictReason ?? UNKNOWN },
];

export const routesView = tableView<Route>(() => columns, 'No routes: no pod CIDR is known, not even of this node.');
