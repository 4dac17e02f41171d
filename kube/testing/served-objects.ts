/**
 * Objects as the API server writes them: whole or their metadata alone, by themselves or in a list, and bookmarks. An object in a
 * list of whole objects has neither kind nor API version; everywhere else it has both.
 */
import { NODES_PATH } from '../api-server.js';
import type { Form } from '../api-server.js';

export interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

export interface ListAnswer {
  readonly resourceVersion: string;
  /** For the next page; empty on the last one. */
  readonly continue: string;
  readonly items: readonly StoredObject[];
}

/** Kind by the path of the collection. */
export const KINDS: Readonly<Record<string, string>> = {
  [NODES_PATH]: 'Node',
  '/api/v1/pods': 'Pod',
  '/api/v1/namespaces': 'Namespace',
  '/api/v1/namespaces/default/events': 'Event',
  '/apis/networking.k8s.io/v1/networkpolicies': 'NetworkPolicy',
};
/** Of CRDs, likewise. */
export const INSTALLABLE_KINDS: Readonly<Record<string, string>> = {
  '/apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies': 'ClusterNetworkPolicy',
};
const METADATA_VERSION = 'meta.k8s.io/v1';

export function formOf(accept: string): Form {
  return accept.includes('as=PartialObjectMetadata') ? 'metadata' : 'whole';
}

/** @param path of its collection */
export function servedObject(path: string, form: Form, object: StoredObject): object {
  return { ...typeOf(path, form), ...(form === 'whole' ? untyped(object) : { metadata: object.metadata }) };
}

export function servedList(path: string, form: Form, { items, resourceVersion, continue: next }: ListAnswer): object {
  const { apiVersion, kind } = typeOf(path, form);
  const metadata = { resourceVersion, ...(next !== '' && { continue: next }) };
  const served = form === 'whole' ? items.map(untyped) : items.map((item) => servedObject(path, form, item));
  return { apiVersion, kind: `${kind}List`, metadata, items: served };
}

/** The version that a watch has reached, without an object. */
export function bookmark(path: string, form: Form, resourceVersion: string): object {
  return {
    type: 'BOOKMARK',
    object: { ...typeOf(path, form), metadata: { resourceVersion, creationTimestamp: null } },
  };
}

/** `/api/v1/nodes` is of version v1, `/apis/apps/v1/daemonsets` of apps/v1. */
function typeOf(path: string, form: Form): { readonly apiVersion: string; readonly kind: string } {
  if (form === 'metadata') return { apiVersion: METADATA_VERSION, kind: 'PartialObjectMetadata' };
  return {
    apiVersion: /^\/(?:api|apis\/([^/]+))\/([^/]+)/.exec(path)!.slice(1).filter(Boolean).join('/'),
    kind: (KINDS[path] ?? INSTALLABLE_KINDS[path])!,
  };
}

function untyped(object: StoredObject): object {
  return Object.fromEntries(Object.entries(object).filter(([field]) => field !== 'kind' && field !== 'apiVersion'));
}
