/** Versions of the CNI specification that Heddle supports, oldest first. Everything that names versions is derived from it. */
export const CNI_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
