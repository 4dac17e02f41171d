/** Address of the API server: the setting, else what the kubelet puts into a pod's environment, else the last one known. */
import { ConfigError } from '../common/errors.js';

export interface AddressSources {
  /** The setting `kubernetesApi`; empty when not set. */
  readonly configured: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From an earlier run, or null. */
  readonly lastKnown: string | null;
}

/** Null when nothing names one. Throws ConfigError when the setting is no address. */
export function serverAddress({ configured, env, lastKnown }: AddressSources): URL | null {
  if (configured !== '') return parsedUrl(configured);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host !== undefined && host !== '') return new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  return lastKnown === null ? null : new URL(lastKnown);
}

function parsedUrl(text: string): URL {
  const expected = `kubernetesApi is "${text}" (expected https://HOST:PORT, or http://127.0.0.1:PORT of kubectl proxy)`;
  if (!URL.canParse(text)) throw new ConfigError([expected]);
  const url = new URL(text);
  if (!['https:', 'http:'].includes(url.protocol)) throw new ConfigError([expected]);
  return url;
}
