/**
 * Tables of the kernel that pods share with the whole host and that are nearly full: neighbours (one table per family for all
 * network namespaces) and tracked connections. Only the administrator knows how large they may be, so the message has the line to type.
 */
import { ifItFails } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';

interface KernelTable {
  readonly what: string;
  /** Files with the number of entries and with the limit. */
  readonly used: string;
  readonly limit: string;
  /** Of the content of the first file. */
  readonly count: (text: string) => number;
  readonly consequence: string;
}

/** Share of a table from which on it is named. */
const NEARLY_FULL = 0.8;

const TABLES: readonly KernelTable[] = [
  neighbourTable('IPv4', 'ipv4', 'arp_cache'),
  neighbourTable('IPv6', 'ipv6', 'ndisc_cache'),
  {
    what: 'tracked connections',
    used: '/proc/sys/net/netfilter/nf_conntrack_count',
    limit: '/proc/sys/net/netfilter/nf_conntrack_max',
    count: Number,
    consequence: 'packets of new connections are dropped',
  },
];

/** A sentence for each table that is nearly full. A table that cannot be read (another namespace, no module) is left out. */
export async function nearlyFullTables(commands: CommandRunner): Promise<string[]> {
  const sentences = await Promise.all(TABLES.map((table) => lookAt(commands, table)));
  return sentences.filter((sentence) => sentence !== null);
}

async function lookAt(commands: CommandRunner, table: KernelTable): Promise<string | null> {
  const read = (path: string) => ifItFails(commands.run('cat', [path]), '');
  const [entries, most] = await Promise.all([read(table.used), read(table.limit)]);
  const used = table.count(entries);
  const limit = Number(most);
  if (!(limit > 0 && used >= limit * NEARLY_FULL)) return null;
  const setting = table.limit.slice('/proc/sys/'.length).replaceAll('/', '.');
  const message = `${used} of at most ${limit} ${table.what}; when the table is full, ${table.consequence}`;
  return `${message}: sysctl -w ${setting}=${limit * 2}`;
}

/** A line per processor below the header, each with the entries of the table in its first column, in hexadecimal. */
function neighbourTable(family: string, folder: string, cache: string): KernelTable {
  return {
    what: `${family} neighbours`,
    used: `/proc/net/stat/${cache}`,
    limit: `/proc/sys/net/${folder}/neigh/default/gc_thresh3`,
    count: (text) => Number.parseInt(text.split('\n')[1]?.trim() ?? '', 16),
    consequence: 'no new neighbour is reached from this host',
  };
}
