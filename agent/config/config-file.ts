/** Settings from a YAML file: one mapping whose keys are the names of the schema. */
import { messageOf } from '../../common/errors.js';
import { parseYaml } from '../../common/codec/yaml.js';
import { CONFIG_FIELDS } from './config-fields.js';
import type { ConfigFieldName } from './config-fields.js';
import { didYouMean } from './did-you-mean.js';
import type { FoundValue, FoundValues } from './found-values.js';

const FIELD_OF_KEY = new Map(CONFIG_FIELDS.map((field) => [field.name as string, field]));

/** @param text the file's content; an empty document sets nothing */
export function readConfigFile(path: string, text: string): FoundValues {
  let content: unknown;
  try {
    content = parseYaml(text);
  } catch (thrown) {
    return failed(`file ${path}: ${messageOf(thrown)}`);
  }
  if (content === null) return { values: new Map(), problems: [] };
  if (typeof content !== 'object' || Array.isArray(content))
    return failed(`file ${path}: expected a mapping of settings`);
  const values = new Map<ConfigFieldName, FoundValue>();
  const problems: string[] = [];
  for (const [key, value] of Object.entries(content)) {
    const field = FIELD_OF_KEY.get(key);
    if (field === undefined)
      problems.push(`file ${path}: ${key} is unknown${didYouMean(key, [...FIELD_OF_KEY.keys()])}`);
    else values.set(field.name, { value, source: `file ${path}: ${key}` });
  }
  return { values, problems };
}

function failed(problem: string): FoundValues {
  return { values: new Map(), problems: [problem] };
}
