/** Rights by Kubernetes' own names: those that a request needs, and those that rules of a role give. */

export interface Rule {
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const VERBS: Readonly<Record<string, string>> = { PATCH: 'patch', POST: 'create', DELETE: 'delete' };

/** `list nodes`, `patch nodes/status`, `get configmaps kubeadm-config`. The name is left out of requests about nodes. */
export function neededRight(method: string, url: URL): string {
  const [resource = '', name, subresource] = url.pathname
    .replace(/^\/(api|apis\/[^/]+)\/v\d[^/]*\//, '')
    .replace(/^namespaces\/[^/]+\/(?=.)/, '')
    .split('/');
  const readVerb = url.searchParams.get('watch') === '1' ? 'watch' : name === undefined ? 'list' : 'get';
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const isNamed = name !== undefined && resource !== 'nodes';
  return [VERBS[method] ?? readVerb, what, ...(isNamed ? [name] : [])].join(' ');
}

export function givenRights(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ resources, resourceNames = [], verbs }) =>
    verbs.flatMap((verb) => resources.map((resource) => [verb, resource, ...resourceNames].join(' '))),
  );
}
