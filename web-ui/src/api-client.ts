/**
 * Client of the agent's API: the event stream, the document of one peer, and network policies. Addresses are relative, so that
 * the page works behind a port-forward or a path prefix.
 */
import type { Peer, PodPolicies, ServerEvents } from '../../common/api.js';
import { applyDifference, DIFFERENCES } from '../../common/document-difference.js';

/** Callbacks of a stream. `failed` is called once at its end, and nothing after it. */
export interface StreamListener {
  readonly status: (status: ServerEvents['status']) => void;
  readonly topology: (topology: ServerEvents['topology']) => void;
  readonly failed: (why: string) => void;
}

/** @returns a function that ends the stream */
export function openStream(listener: StreamListener): () => void {
  const stream = new EventSource(`./v1/events?${DIFFERENCES}`);
  let kept: ServerEvents['topologySnapshot'] | null = null;
  const fail = (why: string): void => {
    stream.close();
    listener.failed(why);
  };
  const onJson = <T>(name: keyof ServerEvents, take: (value: T) => void): void => {
    stream.addEventListener(name, (event: MessageEvent<string>) => {
      const value = parseJson<T>(event.data);
      if (value === undefined) fail('an event of the agent is not JSON: reload the page');
      else take(value);
    });
  };
  onJson('status', listener.status);
  onJson('topologySnapshot', (snapshot: ServerEvents['topologySnapshot']) => {
    kept = snapshot;
    listener.topology(snapshot.topology);
  });
  onJson('topologyDifference', (event: ServerEvents['topologyDifference']) => {
    kept = nextSnapshot(kept, event);
    // A new stream begins with the whole topology.
    if (kept === null) fail('an event of the agent is missing');
    else listener.topology(kept.topology);
  });
  stream.addEventListener('error', () => fail('the connection to the agent is closed'));
  return () => stream.close();
}

/** Null when an event before this one is missing. */
export function nextSnapshot(
  kept: ServerEvents['topologySnapshot'] | null,
  { revision, difference }: ServerEvents['topologyDifference'],
): ServerEvents['topologySnapshot'] | null {
  if (kept?.revision !== revision - 1) return null;
  return { revision, topology: applyDifference(kept.topology, difference) as ServerEvents['topology'] };
}

/** Undefined when not JSON. The shape is not checked, since page and agent are of one build. */
function parseJson<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** Document of one peer, or null when the request fails. */
export function fetchPeer(id: string, signal: AbortSignal): Promise<Peer | null> {
  return fetchDocument(`./v1/peers/${encodeURIComponent(id)}`, signal);
}

/** Network policies of the pods of this node, or null when it keeps none, does not know them yet, or the request fails. */
export function fetchPolicies(signal: AbortSignal): Promise<readonly PodPolicies[] | null> {
  return fetchDocument('./v1/policies', signal);
}

/** Null when the request fails. */
async function fetchDocument<Document>(address: string, signal: AbortSignal): Promise<Document | null> {
  try {
    const answer = await fetch(address, { signal });
    return answer.ok ? ((await answer.json()) as Document) : null;
  } catch (thrown) {
    if (thrown instanceof TypeError || (thrown instanceof DOMException && thrown.name === 'AbortError')) return null;
    throw thrown;
  }
}
