/** Command line of the demo. */
import { parseArgs } from 'node:util';
import { DemoError, messageOf } from '../../../common/errors.js';
import { BREAKS } from '../cluster/breaks.js';
import { MAX_NODES, MAX_PODS_PER_NODE, podName } from '../cluster/plan.js';

export interface DemoArguments {
  readonly nodes: number;
  readonly podsPerNode: number;
  readonly check: boolean;
  readonly json: boolean;
  /** Pod to open a shell in. */
  readonly shell: string | null;
  readonly keepLogs: boolean;
}

export type ParsedArguments =
  | { readonly kind: 'run'; readonly options: DemoArguments }
  | { readonly kind: 'help' }
  | { readonly kind: 'clean' }
  /** A shell in the running demo. */
  | { readonly kind: 'join'; readonly node: string }
  | { readonly kind: 'break'; readonly words: readonly string[] }
  | { readonly kind: 'mistake'; readonly message: string };

const DEFAULT_NODES = 3;
const DEFAULT_PODS = 2;

export const USAGE = `Usage: npm run demo -- [options]

Starts a Heddle cluster in network namespaces on this machine and shows it until Ctrl-C.

  --nodes N     nodes, 1 to ${MAX_NODES} (default ${DEFAULT_NODES})
  --pods P      pods per node, 1 to ${MAX_PODS_PER_NODE} (default ${DEFAULT_PODS})
  --check       run all checks, then end; exit code 0 when all passed, else 1
  --json        print one JSON object on standard output, everything else on standard error
  --shell POD   open a shell in that pod (pod-a, pod-b, ...): of the running demo, else of a new one that ends with it
  --node NODE   open a shell beside that node of the running demo, with meshctl on the path
  --break ...   break something in the running demo: ${BREAKS}
  --keep-logs   keep the nodes' logs and print their folder
  --clean       only remove the remains of a killed demo
  --help        this text
`;

/** @param args without program and script @param environment npm puts options there that come before a `--` */
export function parseDemoArguments(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): ParsedArguments {
  try {
    const parsed = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true });
    const { positionals } = parsed;
    const { values } = parsed;
    if (values.help === true) return { kind: 'help' };
    if (values.clean === true) return { kind: 'clean' };
    if (values.break === true) return { kind: 'break', words: positionals };
    const forgotten = forgottenDashes(environment);
    if (forgotten !== null) return { kind: 'mistake', message: forgotten };
    if (positionals.length > 0) return { kind: 'mistake', message: `unexpected argument "${positionals.join(' ')}"` };
    if (values.node !== undefined) return { kind: 'join', node: values.node };
    return check({
      nodes: count('--nodes', values.nodes, DEFAULT_NODES, MAX_NODES),
      podsPerNode: count('--pods', values.pods, DEFAULT_PODS, MAX_PODS_PER_NODE),
      check: values.check === true,
      json: values.json === true,
      shell: values.shell ?? null,
      keepLogs: values['keep-logs'] === true,
    });
  } catch (thrown) {
    return { kind: 'mistake', message: messageOf(thrown) };
  }
}

const OPTIONS = {
  nodes: { type: 'string' },
  pods: { type: 'string' },
  check: { type: 'boolean' },
  json: { type: 'boolean' },
  shell: { type: 'string' },
  'keep-logs': { type: 'boolean' },
  clean: { type: 'boolean' },
  node: { type: 'string' },
  break: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `npm run demo --nodes 5` gives `--nodes` to npm, which passes only the 5 on. */
function forgottenDashes(environment: Readonly<Record<string, string | undefined>>): string | null {
  const taken = Object.keys(OPTIONS).filter(
    (name) => name !== 'json' && environment[`npm_config_${name.replace('-', '_')}`],
  );
  const [first] = taken;
  return first === undefined ? null : `npm took --${first} for itself; write npm run demo -- --${first} ...`;
}

function check(options: DemoArguments): ParsedArguments {
  const clash = options.shell !== null && (options.check || options.json);
  if (clash) return { kind: 'mistake', message: '--shell cannot be combined with --check or --json' };
  const isPod = options.shell === null || podExists(options.shell, options.nodes * options.podsPerNode);
  if (!isPod)
    return {
      kind: 'mistake',
      message: `--shell "${options.shell ?? ''}" is not a pod of this demo; the first is pod-a`,
    };
  return { kind: 'run', options };
}

function podExists(name: string, pods: number): boolean {
  return Array.from({ length: pods }, (_, i) => podName(i)).includes(name);
}

/** Throws {@link DemoError}. */
function count(flag: string, text: string | undefined, otherwise: number, most: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (/^\d+$/.test(text ?? '1') && value >= 1 && value <= most) return value;
  throw new DemoError(`${flag} is "${text ?? ''}", expected a number from 1 to ${most}`);
}
