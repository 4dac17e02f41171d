/**
 * Plugin that is left behind on a node from which Heddle is removed while pods still run: runtimes delete a pod only when a plugin
 * with the name from its configuration answers DEL. It is a script, since neither agent nor settings are there any more. The
 * configuration list keeps the chained plugins, which remove their own (a hostPort's rules), and the pods that it is for.
 */
import { CNI_VERSIONS } from '../../common/cni-versions.js';
import { isRecord } from '../../common/codec/message-shape.js';
import { CNI_EXECUTABLE_NAME, CNI_NETWORK_NAME } from './conf-list.js';

/** Sorts after those of other networks, which runtimes then use for new pods. */
export const LEFT_CONF_NAME = '99-heddle-removed.conflist';
const POD_NAMESPACES = 'leftForNamespaces';
/** "Try again later" of the CNI specification. */
const TRY_AGAIN = 11;

const REFUSAL = JSON.stringify({
  code: TRY_AGAIN,
  msg: 'Heddle was removed from this node: install a pod network',
});

export const LEFT_PLUGIN = `#!/bin/sh
# Heddle was removed from this node while pods still ran. Their deletion succeeds here; no pod is attached any more.
# "meshctl uninstall" removes this file once these pods are gone.
case "\${CNI_COMMAND-}" in
DEL | GC) ;;
VERSION) echo '${JSON.stringify({ cniVersion: '1.0.0', supportedVersions: CNI_VERSIONS })}' ;;
*)
  echo '${REFUSAL}'
  exit 1
  ;;
esac
`;

/** @param installed text of the list that was in use; null when there is none @param namespaces paths, of the pods that run */
export function leftConfList(installed: string | null, cniVersion: string, namespaces: readonly string[]): string {
  const found = parse(installed);
  const others = pluginsOf(found).filter(({ type }) => type !== CNI_EXECUTABLE_NAME);
  const own = pluginsOf(found).find(({ type }) => type === CNI_EXECUTABLE_NAME) ?? { type: CNI_EXECUTABLE_NAME };
  const plugins = [{ ...own, [POD_NAMESPACES]: namespaces }, ...others];
  return `${JSON.stringify({ cniVersion, name: CNI_NETWORK_NAME, ...found, plugins }, null, 2)}\n`;
}

/** Network namespaces of the pods that such a list was left for. */
export function namespacesOfLeftConf(text: string | null): string[] {
  const lists = pluginsOf(parse(text)).map((plugin) => plugin[POD_NAMESPACES]);
  return lists.flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
}

type Fields = Readonly<Record<string, unknown>>;

/** An edited file that is no JSON counts as none. */
function parse(text: string | null): Fields {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function pluginsOf({ plugins }: Fields): Fields[] {
  return Array.isArray(plugins) ? plugins.filter(isRecord) : [];
}
