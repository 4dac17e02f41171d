/**
 * The page's only way to the agent: the event stream and one REST call. Relative addresses only, so that the page works
 * behind a port-forward or a path prefix.
 */
import type { Peer, ServerEvents } from '../../common/api.js';

/** What the stream brings. Exactly one of `failed` ends it; nothing comes after. */
export interface StreamListener {
  readonly status: (status: ServerEvents['status']) => void;
  readonly topology: (topology: ServerEvents['topology']) => void;
  readonly failed: (why: string) => void;
}

/** @returns ends the stream */
export function openStream(listener: StreamListener): () => void {
  const stream = new EventSource('./v1/events');
  const fail = (why: string): void => {
    stream.close();
    listener.failed(why);
  };
  const onJson = <T>(name: keyof ServerEvents, take: (value: T) => void): void => {
    stream.addEventListener(name, (event: MessageEvent<string>) => {
      const value = parseJson<T>(event.data);
      if (value === undefined) fail('the agent sent something this page does not understand');
      else take(value);
    });
  };
  onJson('status', listener.status);
  onJson('topology', listener.topology);
  stream.addEventListener('error', () => fail('the connection to the agent is lost'));
  return () => stream.close();
}

/** Undefined for what is not JSON. The shape is the agent's word: page and agent are of one build. */
function parseJson<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** Everything the agent knows of one peer, or null when it cannot say now. */
export async function fetchPeer(id: string, signal: AbortSignal): Promise<Peer | null> {
  try {
    const answer = await fetch(`./v1/peers/${encodeURIComponent(id)}`, { signal });
    return answer.ok ? ((await answer.json()) as Peer) : null;
  } catch (thrown) {
    if (thrown instanceof TypeError || (thrown instanceof DOMException && thrown.name === 'AbortError')) return null;
    throw thrown;
  }
}
