/** `meshctl version`: of this program and of the agent it speaks to. */
import type { View } from '../output/output.js';
import { printable } from '../output/table.js';

export interface Versions {
  readonly meshctl: string;
  /** Null when no agent could be asked. */
  readonly agent: string | null;
}

export const versionView: View<Versions> = {
  text: ({ meshctl, agent }) => `meshctl  ${meshctl}\nagent    ${printable(agent ?? 'unknown')}\n`,
};
