/** Programs of a node that speaks another protocol version: a copy of the built ones with another constant. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DemoError } from '../../common/errors.js';
import { PROTOCOL_VERSION } from '../../mesh/limits.js';
import { DIST_DIR } from './cluster-fixture.js';

interface Prerequisites {
  readonly NODE_PROGRAMS: readonly string[];
}

export const OTHER_VERSION = PROTOCOL_VERSION + 1;

/** @returns the folder of the programs */
export async function programsOfOtherVersion(): Promise<string> {
  const { NODE_PROGRAMS } = (await import(resolve('deploy/prerequisites.mjs'))) as Prerequisites;
  const folder = join(DIST_DIR, 'other-version');
  for (const name of NODE_PROGRAMS) cpSync(join(DIST_DIR, name), join(folder, name));
  const agent = join(folder, 'agent.js');
  const constant = `PROTOCOL_VERSION = ${PROTOCOL_VERSION};`;
  const text = readFileSync(agent, 'utf8');
  if (text.split(constant).length !== 2) throw new DemoError(`${agent} has "${constant}" not exactly once`);
  writeFileSync(agent, text.replace(constant, `PROTOCOL_VERSION = ${OTHER_VERSION};`));
  return folder;
}
