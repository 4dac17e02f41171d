/** Requests on one netlink socket, and the answers to them in their order. */
import { getSystemErrorMap } from 'node:util';
import { NetlinkError } from '../../common/errors.js';
import { readReplies, setSequence } from '../../common/host/netlink-message.js';
import type { NetlinkReply } from '../../common/host/netlink-message.js';
import type { NetfilterRequest } from '../../common/host/netlink-runner.js';
import type { NetlinkSocket } from '../../router/index.js';

export class Exchange {
  #sequence = 0;

  constructor(readonly socket: NetlinkSocket) {}

  /** Undefined where there is no answer. */
  async send(messages: readonly Uint8Array[]): Promise<(NetlinkReply | undefined)[]> {
    const first = this.#sequence + 1;
    for (const message of messages) setSequence(message, ++this.#sequence);
    if (messages.length > 0) await this.socket.sendAndWait(Buffer.concat(messages));
    const replies = new Map<number, NetlinkReply>();
    for (let datagram = this.socket.receive(); datagram !== null; datagram = this.socket.receive()) {
      // The buffer is used again by the next datagram.
      for (const reply of readReplies(datagram.slice())) replies.set(reply.sequence, reply);
    }
    return messages.map((_, i) => replies.get(first + i));
  }

  /** Objects of a list as they come, some at a time, each valid until the next. Rejects with NetlinkError when it is cut. */
  async *list({ text, message }: NetfilterRequest): AsyncGenerator<readonly NetlinkReply[]> {
    setSequence(message, ++this.#sequence);
    await this.socket.sendAndWait(message);
    for (;;) {
      const replies = readReplies((await this.socket.receiveListed()) ?? new Uint8Array());
      const end = replies.find(({ errno }) => errno !== null);
      yield replies.filter(({ errno }) => errno === null);
      if (end?.errno === 0) return;
      if (end !== undefined || replies.length === 0) throw refusalOf(text, end);
    }
  }
}

/** @param text of the request; @param answer undefined where there is none */
export function refusalOf(text: string, answer: NetlinkReply | undefined): NetlinkError {
  const errno = answer?.errno ?? null;
  if (answer === undefined || errno === null) return new NetlinkError(text, null, 'no answer from the kernel');
  const [code, words] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'refused by the kernel'];
  return new NetlinkError(text, errno, `${answer.reason || words} (${code})`);
}
