/** The port between the API and the rest of the agent: what the API asks for, and how it is started. No behaviour here. */
import type { Endpoint, Peer, Route, Status, Topology } from '../../common/api.js';
import type { Logger } from '../../common/log.js';
import type { EventTiming } from './event-pacer.js';

/** Everything the API says. Answers are snapshots that the API neither keeps nor changes; none may hold a secret. */
export interface ApiSource {
  status(): Status;
  peers(): readonly Peer[];
  routes(): readonly Route[];
  endpoints(): readonly Endpoint[];
  topology(): Topology;
  /** Calls `listener` after anything that `status` or `topology` shows has changed; may be called at any rate. */
  onChange(listener: () => void): () => void;
  /**
   * Further counters that only rise, by name in lower snake case without prefix or `_total`
   * (`handshakes_started` is exported as `heddle_handshakes_started_total`).
   */
  counters(): Readonly<Record<string, number>>;
}

export interface ApiOptions {
  readonly source: ApiSource;
  /** Path of the unix socket; its directory is made if it is missing. */
  readonly socketPath: string;
  /** Loopback address to listen on, or '' for no TCP at all. */
  readonly address: string;
  /** TCP port, 0 for any free one. */
  readonly port: number;
  /** Directory of the built page, or null for none. */
  readonly webRoot: string | null;
  readonly logger: Logger;
  /** Called whenever someone looks at the topology, and every two seconds or so for as long as they do. */
  readonly onTopologyWatched?: () => void;
  /** How often events are sent; {@link DEFAULT_EVENT_TIMING} unless a test is in a hurry. */
  readonly eventTiming?: EventTiming;
}

export interface ApiServer {
  /** `http://127.0.0.1:6786`, or null without TCP. */
  readonly url: string | null;
  /** Ends every connection and removes the unix socket. */
  close(): Promise<void>;
}
