/** Node objects as the API server gives them, with what a test says of them. */
export interface TestNode {
  readonly kind: 'Node';
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status: { readonly addresses: { type: string; address: string }[] };
}

export function nodeObject(
  name: string,
  spec: Readonly<Record<string, unknown>>,
  internalAddresses: readonly string[],
  { uid = `uid-${name}`, resourceVersion = '1' } = {},
): TestNode {
  const addresses = internalAddresses.map((address) => ({ type: 'InternalIP', address }));
  return { kind: 'Node', metadata: { name, uid, resourceVersion }, spec, status: { addresses } };
}
