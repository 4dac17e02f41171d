/** Setting `cniChain`: JSON list of the configurations of further CNI plugins, each as it stands in a configuration list. */
import { DecodeError, messageOf } from './errors.js';

/** Configuration of one plugin. Keys other than `type` are the plugin's own. */
export interface PluginConf {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Throws {@link DecodeError}. An empty text is an empty list. */
export function parseCniChain(text: string): readonly PluginConf[] {
  if (text.trim() === '') return [];
  const list = parseJson(text);
  if (Array.isArray(list) && list.every(isPluginConf)) return list;
  throw new DecodeError(`${text} is not a chain (expected a JSON list of objects, each with the "type" of a plugin)`);
}

function isPluginConf(value: unknown): value is PluginConf {
  const type = (value as { type?: unknown } | null)?.type;
  return typeof type === 'string' && /^[\w.-]+$/.test(type) && type !== 'heddle-cni';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new DecodeError(`${text} is not JSON: ${messageOf(thrown)}`);
  }
}
