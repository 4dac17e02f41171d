/** Key of an object of the API server, whose fields are not checked yet. */

/** `namespace/name`, the namespace empty for an object without one. */
export function keyOf(object: unknown): string | null {
  const { metadata } = (object ?? {}) as { metadata?: { namespace?: unknown; name?: unknown } };
  const { namespace = '', name } = metadata ?? {};
  return typeof name === 'string' && typeof namespace === 'string' ? `${namespace}/${name}` : null;
}
