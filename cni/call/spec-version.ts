/** CNI specification version of a call: its check and its order. The versions: `common/cni-versions.ts`. */
import { CNI_VERSIONS } from '../../common/cni-versions.js';

export type SpecVersion = (typeof CNI_VERSIONS)[number];

/** Version of the answer to a call that names none. */
export const DEFAULT_SPEC_VERSION: SpecVersion = '1.0.0';

export function isSpecVersion(text: string): text is SpecVersion {
  return (CNI_VERSIONS as readonly string[]).includes(text);
}

export function isAtLeast(version: SpecVersion, other: SpecVersion): boolean {
  return CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(other);
}
