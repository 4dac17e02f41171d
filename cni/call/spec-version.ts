/** The versions of the CNI specification Heddle speaks, and what came with which. */
export const SPEC_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type SpecVersion = (typeof SPEC_VERSIONS)[number];

/** Named in answers to callers that name none. */
export const DEFAULT_SPEC_VERSION: SpecVersion = '1.0.0';

export function isSpecVersion(text: string): text is SpecVersion {
  return (SPEC_VERSIONS as readonly string[]).includes(text);
}

export function isAtLeast(version: SpecVersion, other: SpecVersion): boolean {
  return SPEC_VERSIONS.indexOf(version) >= SPEC_VERSIONS.indexOf(other);
}
