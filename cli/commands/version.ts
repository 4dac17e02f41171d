/** View of `meshctl version`: versions of meshctl and of the agent. */
import type { View } from '../output/output.js';
import { printable } from '../output/table.js';

export interface Versions {
  readonly meshctl: string;
  /** Null when the agent cannot be asked. */
  readonly agent: string | null;
}

export const versionView: View<Versions> = {
  text: ({ meshctl, agent }) => `meshctl  ${meshctl}\nagent    ${printable(agent ?? 'unknown')}\n`,
};
