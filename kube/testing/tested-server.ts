/** API server under the suite of its behaviour, and the clients by which the suite asks it. */
import type { ApiServer } from '../api-server.js';
import { apiClient } from './test-credentials.js';
import type { TestCredentials } from './test-credentials.js';

export interface TestedServer {
  /** Which one, for people. */
  readonly what: string;
  readonly isReal: boolean;
  /** With all rights. */
  readonly api: ApiServer;
  /** Is known, and may do nothing. */
  readonly stranger: ApiServer;
  /** With a token that the server does not know. Null where a proxy replaces the token. */
  readonly unknown: ApiServer | null;
  close(): void;
}

/** Tokens of a server that the suite starts. */
export const TOKENS = { admin: 'admin', stranger: 'stranger', unknown: 'unknown' } as const;

/** The three clients of a server with {@link TOKENS}. */
export function clientsOf(
  url: string,
  credentials: TestCredentials,
): Pick<TestedServer, 'api' | 'stranger' | 'unknown'> {
  const client = (token: string): ApiServer => apiClient(url, credentials.of(token));
  return { api: client(TOKENS.admin), stranger: client(TOKENS.stranger), unknown: client(TOKENS.unknown) };
}

export async function versionOf(api: ApiServer): Promise<string> {
  return ((await api.get('/version')) as { gitVersion: string }).gitVersion;
}
