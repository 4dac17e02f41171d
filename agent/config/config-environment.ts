/**
 * Settings from `HEDDLE_*` environment variables; lists are comma-separated. An unknown `HEDDLE_*` variable is a
 * problem, because a misspelt one would be ignored otherwise; variables of other programs of ours are excepted.
 */
import { CONFIG_FIELDS } from './config-fields.js';
import type { ConfigFieldName } from './config-fields.js';
import { didYouMean } from './did-you-mean.js';
import { valueFromText } from './found-values.js';
import type { FoundValue, FoundValues } from './found-values.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the file; read before the other sources. */
export const CONFIG_PATH_VARIABLE = 'HEDDLE_CONFIG';

/** Read by other parts of the project: the CNI relay, the supervisor's hand-over to the router, tests, benchmarks. */
const FOREIGN_PREFIXES = ['HEDDLE_CNI_', 'HEDDLE_ROUTER_', 'HEDDLE_TEST_', 'HEDDLE_BENCH_'];

/** Kubernetes adds `NAME_SERVICE_HOST`, `NAME_PORT_80_TCP_ADDR`, ... to every pod for a Service called `heddle-...`. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)/;
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//;

const FIELD_OF_VARIABLE = new Map(CONFIG_FIELDS.map((field) => [field.variable, field]));
const KNOWN_VARIABLES = [CONFIG_PATH_VARIABLE, ...FIELD_OF_VARIABLE.keys()];

export function readEnvironment(environment: Environment): FoundValues {
  const values = new Map<ConfigFieldName, FoundValue>();
  const problems: string[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || !variable.startsWith('HEDDLE_') || variable === CONFIG_PATH_VARIABLE) continue;
    if (isServiceLink(variable, text)) continue;
    const field = FIELD_OF_VARIABLE.get(variable);
    if (field !== undefined) {
      values.set(field.name, { value: valueFromText(field, text), source: `environment ${variable}` });
    } else if (!FOREIGN_PREFIXES.some((prefix) => variable.startsWith(prefix))) {
      problems.push(`environment ${variable} is unknown${didYouMean(variable, KNOWN_VARIABLES)}`);
    }
  }
  return { values, problems };
}

function isServiceLink(variable: string, text: string): boolean {
  return SERVICE_LINK.test(variable) || (variable.endsWith('_PORT') && SERVICE_LINK_VALUE.test(text));
}
