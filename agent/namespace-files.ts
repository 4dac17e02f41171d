/** Files under /proc of a pod's network namespace, read and written without a program. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { NamespaceFiles } from '../cni/index.js';
import { inNetworkNamespace } from '../router/index.js';

export const namespaceFiles: NamespaceFiles = {
  read: (netns, path) => attempt(netns, () => readFileSync(path, 'utf8')),
  write: (netns, path, text) => attempt(netns, () => (writeFileSync(path, text), true)) ?? false,
};

/** Null when the namespace cannot be entered or the file is not there: a program is run then, whose error is told. */
function attempt<T>(netns: string, work: () => T): T | null {
  try {
    return inNetworkNamespace(netns, work);
  } catch {
    return null;
  }
}
