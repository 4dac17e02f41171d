/**
 * Packets that the kernel dropped because it would route an answer to their source elsewhere (reverse path filtering, RFC 3704).
 * The bridge is set to loose; what is left are the underlay's interfaces, where strict filtering drops datagrams of peers that come
 * by another interface than the route to them. The counter is that of the whole host.
 */
import { ifItFails } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';

const COUNTER = 'IPReversePathFilter';
const FOLDER = '/proc/sys/net/ipv4/conf';
const STRICT = '1';
/** Interfaces of pods and of other software: a sentence names so many. */
const MAX_NAMED = 4;

/** By the name of the reason; empty without drops. */
export async function listReversePathDrops(commands: CommandRunner): Promise<Readonly<Record<string, number>>> {
  const lines = (await ifItFails(commands.run('cat', ['/proc/net/netstat']), '')).split('\n');
  // Lines come in pairs: names, then values.
  const at = lines.findIndex((line) => line.split(' ').includes(COUNTER));
  if (at < 0) return {};
  const dropped = Number(lines[at + 1]?.split(' ')[lines[at]!.split(' ').indexOf(COUNTER)]);
  return dropped > 0 ? { reversePathFilter: dropped } : {};
}

/** What to type so that nothing more is dropped, or '' where no interface is strict. The larger of "all" and its own value applies. */
export async function strictFilterAdvice(commands: CommandRunner): Promise<string> {
  const names = (await ifItFails(commands.run('ls', [FOLDER]), '')).trim().split('\n');
  const values = await ifItFails(
    commands.run(
      'cat',
      names.map((name) => `${FOLDER}/${name}/rp_filter`),
    ),
    '',
  );
  const all = values.trim().split('\n');
  const strict = names.filter((name, i) => all[i] === STRICT && name !== 'default');
  const concerned = strict.includes('all') ? ['all'] : strict.slice(0, MAX_NAMED);
  if (concerned.length === 0) return '';
  const settings = concerned.map((name) => `net.ipv4.conf.${name}.rp_filter=2`).join(' ');
  return `strict reverse path filtering drops packets whose source is routed by another interface: sysctl -w ${settings}`;
}
