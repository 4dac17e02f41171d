/**
 * Crowd: many nodes in one process, each member with a UDP socket at its own address, which must exist on the host. Owns the
 * sockets and the start of the members; what a member does is `crowd-member.ts`.
 */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { CrowdMember } from './crowd-member.js';
import type { CrowdSettings, MemberDeps } from './crowd-member.js';
import type { MemberPlan } from './crowd-plan.js';

/** Time between the starts of two members: a node asks for cookies from 50 initiations a second on. */
const START_INTERVAL_MS = 25;

interface Place {
  readonly member: CrowdMember;
  readonly socket: Socket;
}

export class Crowd {
  readonly #places: Place[] = [];
  #cancelNext: () => void = () => undefined;
  #stopped = false;

  constructor(
    readonly plans: readonly MemberPlan[],
    readonly settings: CrowdSettings,
    readonly around: Omit<MemberDeps, 'send'>,
  ) {}

  get members(): readonly CrowdMember[] {
    return this.#places.map(({ member }) => member);
  }

  /** Resolves when all sockets are bound; members start one after the other from then on. Rejects when one cannot bind. */
  async start(): Promise<void> {
    for (const plan of this.plans) this.#places.push(this.#place(plan));
    await Promise.all(this.#places.map((place) => bind(place, this.settings.port)));
    this.#startNext(0);
  }

  /** Every member says goodbye, and the sockets are closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelNext();
    for (const { member } of this.#places) member.stop();
    await Promise.all(this.#places.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  #place(plan: MemberPlan): Place {
    const socket = createSocket('udp4');
    const send = (to: SocketAddress, datagram: Uint8Array): void => {
      socket.send(datagram, to.port, to.ip, () => {
        /* as on any network, what does not get through is lost */
      });
    };
    const member = new CrowdMember(plan, this.settings, { ...this.around, send });
    socket.on('message', (datagram, { address, port }) => {
      if (!this.#stopped) member.receive({ ip: parseIpAddress(address), port }, datagram);
    });
    return { member, socket };
  }

  #startNext(index: number): void {
    const place = this.#places[index];
    if (place === undefined || this.#stopped) return;
    place.member.start();
    this.#cancelNext = this.around.clock.after(START_INTERVAL_MS, () => this.#startNext(index + 1));
  }
}

async function bind({ member, socket }: Place, port: number): Promise<void> {
  socket.bind(port, member.plan.address);
  // Rejects with the socket's error.
  await once(socket, 'listening');
}
