/**
 * Requests to the kernel's network configuration and packet filter (netlink(7)), of the node and inside pods, on sockets of
 * their own for each call. A thread of Node's pool waits for the kernel, which serves a request before write(2) returns.
 */
import { NetlinkError } from '../../common/errors.js';
import { BoundedQueue } from '../../common/bounded-queue.js';
import { asTransaction } from '../../common/host/netfilter-message.js';
import type { NetlinkReply } from '../../common/host/netlink-message.js';
import type { NetfilterRequest, NetlinkRequest, NetlinkRunner } from '../../common/host/netlink-runner.js';
import { Exchange, refusalOf } from './exchange.js';
import { openNetlinkSocket, OpenNamespaces } from './namespaces.js';
import { RouteRun } from './route-run.js';
import type { NetlinkProtocol } from '../../router/index.js';

/** As for programs of the host. */
const TIMEOUT_MS = 10_000;
/**
 * Calls at once; the others wait in order, and are bounded by the callers. The kernel serves one after another by itself, but for
 * waits outside its locks, and Node's pool has four threads, which synced writes need too.
 */
const MAX_RUNS = 2;
const MAX_NETFILTER_CALLS = 1;

export class HostNetlink implements NetlinkRunner {
  readonly #runs = new BoundedQueue(MAX_RUNS);
  readonly #changes = new BoundedQueue(MAX_NETFILTER_CALLS);
  readonly #deletions = new BoundedQueue(MAX_NETFILTER_CALLS);

  run(netns: string | null, requests: readonly NetlinkRequest[]): Promise<void> {
    return inTime(requests[0]?.text ?? '', this.#runs, (limit) => runRequests(netns, requests, limit));
  }

  change(netns: string | null, changes: readonly NetfilterRequest[]): Promise<void> {
    return inTime(changes[0]?.text ?? '', this.#changes, () => makeChanges(netns, changes));
  }

  deleteListed(
    netns: string | null,
    list: NetfilterRequest,
    deletionOf: (listed: NetlinkReply) => Uint8Array | null,
  ): Promise<void> {
    return inTime(list.text, this.#deletions, (limit) => deleteListed(netns, list, deletionOf, limit));
  }
}

/** Rejects after a time with NetlinkError; the work goes on until it looks at `limit`. @param text of the first request */
async function inTime(text: string, turns: BoundedQueue, work: (limit: AbortSignal) => Promise<void>): Promise<void> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      limit.abort();
      reject(new NetlinkError(text, null, `no answer from the kernel within ${TIMEOUT_MS} ms`));
    }, TIMEOUT_MS);
  });
  const done = turns.run(() => (limit.signal.aborted ? tooLate : work(limit.signal)));
  try {
    await Promise.race([done, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

async function runRequests(
  netns: string | null,
  requests: readonly NetlinkRequest[],
  limit: AbortSignal,
): Promise<void> {
  const namespaces = new OpenNamespaces();
  try {
    for (const path of requests.flatMap((request) => request.namespaces ?? [])) namespaces.open(path);
    await onSocket('NETLINK_ROUTE', netns, (exchange) => new RouteRun(exchange, namespaces).make(requests, limit));
  } finally {
    namespaces.close();
  }
}

async function makeChanges(netns: string | null, changes: readonly NetfilterRequest[]): Promise<void> {
  const messages = asTransaction(changes.map(({ message }) => message));
  const replies = await onSocket('NETLINK_NETFILTER', netns, (exchange) => exchange.send(messages));
  const answers = replies.slice(1, -1);
  const refused = answers.findIndex((answer) => (answer?.errno ?? 0) !== 0);
  const { text = '' } = changes[Math.max(refused, 0)] ?? {};
  // Begin and end are answered only when the kernel refuses the transaction as a whole.
  const blamed = answers[refused] ?? replies.at(0) ?? replies.at(-1);
  if (blamed !== undefined || answers.includes(undefined)) throw refusalOf(text, blamed);
}

/** What is deleted is answered on another socket while the list goes on. Memory is bounded by one datagram of the list. */
async function deleteListed(
  netns: string | null,
  list: NetfilterRequest,
  deletionOf: (listed: NetlinkReply) => Uint8Array | null,
  limit: AbortSignal,
): Promise<void> {
  await onSocket('NETLINK_NETFILTER', netns, (lists) =>
    onSocket('NETLINK_NETFILTER', netns, async (deletions) => {
      for await (const listed of lists.list(list)) {
        if (limit.aborted) return;
        await deletions.send(listed.flatMap((reply) => deletionOf(reply) ?? []));
      }
    }),
  );
}

async function onSocket<T>(
  protocol: NetlinkProtocol,
  netns: string | null,
  work: (exchange: Exchange) => Promise<T>,
): Promise<T> {
  const socket = openNetlinkSocket(protocol, netns);
  try {
    return await work(new Exchange(socket));
  } finally {
    socket.close();
  }
}
