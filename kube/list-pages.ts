/** Lists of the Kubernetes API, page by page: a list of all pods of a large cluster has hundreds of MiB. */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { DecodeError } from '../common/errors.js';
import { queried } from './api-server.js';
import type { ApiServer, Form } from './api-server.js';

const PAGE = 500;

export interface ListPage {
  /** Not checked yet. */
  readonly items: readonly unknown[];
  /** From which a watch goes on after the last page. */
  readonly resourceVersion: string;
  readonly isLast: boolean;
}

const Page = Compile(
  Type.Object({
    metadata: Type.Object({ resourceVersion: Type.String(), continue: Type.Optional(Type.String()) }),
    items: Type.Array(Type.Unknown()),
  }),
);

/**
 * @param path of the collection, also with a query
 * @param what for the error: nodes. Throws KubernetesError, and DecodeError for what is no list
 */
export async function* listPages(
  api: ApiServer,
  path: string,
  what: string,
  form: Form = 'whole',
): AsyncGenerator<ListPage> {
  let next = '';
  for (;;) {
    const page = await api.get(queried(path, `limit=${PAGE}${next}`), form);
    if (!Page.Check(page)) throw new DecodeError(`${api.name}${path}: expected a list of ${what}`);
    const { resourceVersion, continue: token = '' } = page.metadata;
    yield { items: page.items, resourceVersion, isLast: token === '' };
    if (token === '') return;
    next = `&continue=${encodeURIComponent(token)}`;
  }
}
