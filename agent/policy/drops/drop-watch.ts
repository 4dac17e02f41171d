/**
 * Watch of the packets that the kernel reports as dropped by network policies. Node has no event for a netlink socket, so it is
 * looked at twice a second: one system call, while the table limits the kernel to 50 packets a second.
 */
import { every } from '../../../common/clock.js';
import type { Clock } from '../../../common/clock.js';
import { messageOf, SystemCallError } from '../../../common/errors.js';
import type { CommandRunner } from '../../../common/host/command.js';
import type { NoticeLog } from '../../../common/notice-log.js';
import { DROP_LOG_GROUP, logCheckCommands } from '../../../policy/index.js';
import { NetlinkSocket } from '../../../router/index.js';
import { answerOf, bindRequest } from './nflog-messages.js';

const EPERM = 1;
/** What is copied of a packet at most; the table asks for less. */
const COPIED_BYTES = 256;
const LOOK_EVERY_MS = 500;
/** Datagrams of one look; more wait for the next one. */
const MAX_DATAGRAMS = 64;

/** Packets of one group of nflog. */
export interface PacketLog {
  /** Null: none is waiting. */
  receive(): Uint8Array | null;
  close(): void;
}

export interface DropWatchDeps {
  readonly open: () => PacketLog;
  readonly commands: CommandRunner;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly take: (datagram: Uint8Array) => void;
  /** Something was dropped since the last look. */
  readonly onDrops: () => void;
}

export class DropWatch {
  #packets: PacketLog | null = null;
  #stopLooking: () => void = () => undefined;

  constructor(readonly deps: DropWatchDeps) {}

  /** Resolves with whether this kernel reports drops; without that, they are counted and not logged. */
  async start(): Promise<boolean> {
    try {
      await this.deps.commands.run('nft', ['-j', '--check', '-f', '-'], logCheckCommands());
      this.#packets = this.deps.open();
    } catch (thrown) {
      const why = { problem: messageOf(thrown) };
      this.deps.notices.write('warn', 'packets that network policies drop are counted, but not logged', why);
      return false;
    }
    this.#stopLooking = every(this.deps.clock, LOOK_EVERY_MS, () => this.#look());
    return true;
  }

  stop(): void {
    this.#stopLooking();
    this.#packets?.close();
    this.#packets = null;
  }

  #look(): void {
    for (let i = 0; i < MAX_DATAGRAMS; i++) {
      const datagram = this.#packets?.receive() ?? null;
      if (datagram === null) return;
      this.deps.take(datagram);
      if (i === 0) this.deps.onDrops();
    }
  }
}

/** Throws {@link SystemCallError}. */
export function openNflog(): PacketLog {
  const socket = new NetlinkSocket('NETLINK_NETFILTER');
  try {
    socket.send(bindRequest(DROP_LOG_GROUP, COPIED_BYTES));
    const errno = answerOf(socket.receive() ?? new Uint8Array());
    if (errno === 0) return socket;
    const why = errno === EPERM ? 'another program has it, or CAP_NET_ADMIN is missing' : 'the kernel refuses it';
    throw new SystemCallError('nflog', errno ?? 0, `group ${DROP_LOG_GROUP}: ${why}`);
  } catch (thrown) {
    socket.close();
    throw thrown;
  }
}
