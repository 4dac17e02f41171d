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
import type { SettledPart } from './settled-crowd.js';
import { datagramType, TYPE_COOKIE } from '../../common/wire/datagram-header.js';

/** Time between the starts of two members: a node asks for cookies from 50 initiations a second on. */
const START_INTERVAL_MS = 25;

/** A far member ends when the one that dialled it is silent for this long: before it finds its link stale, and dials. */
const FAR_SILENT_MS = 2000;

interface Place {
  readonly plan: MemberPlan;
  readonly part: SettledPart | undefined;
  readonly socket: Socket;
  /** Null before it starts, and while a far member has nothing to answer. */
  member: CrowdMember | null;
  cancelEnd: () => void;
}

export class Crowd {
  readonly #places: Place[] = [];
  #cancelNext: () => void = () => undefined;
  #stopped = false;

  constructor(
    readonly plans: readonly MemberPlan[],
    readonly settings: CrowdSettings,
    readonly around: Omit<MemberDeps, 'send'>,
    /** In the order of the plans; none where all members are alike. */
    readonly parts: readonly SettledPart[] = [],
  ) {}

  /** Resolves when all sockets are bound; members start one after the other from then on. Rejects when one cannot bind. */
  async start(): Promise<void> {
    this.plans.forEach((plan, i) => this.#places.push(this.#place(plan, this.parts[i])));
    await Promise.all(this.#places.map((place) => bind(place, this.settings.port)));
    const first = this.#places.filter(({ part }) => part === undefined || part.distance === 'whole');
    this.#startNext([...first, ...this.#places.filter(({ part }) => part?.distance === 'near')], 0);
  }

  /** Every member says goodbye, and the sockets are closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelNext();
    for (const { member } of this.#places) member?.stop();
    await Promise.all(this.#places.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  #place(plan: MemberPlan, part: SettledPart | undefined): Place {
    const socket = createSocket('udp4');
    const place: Place = { plan, part, socket, member: null, cancelEnd: () => undefined };
    socket.on('message', (datagram, { address, port }) => {
      if (!this.#stopped) this.#received(place, { ip: parseIpAddress(address), port }, datagram);
    });
    return place;
  }

  #received(place: Place, from: SocketAddress, datagram: Uint8Array): void {
    const isFar = place.part?.distance === 'far';
    if (isFar && place.member === null && datagramType(datagram) <= TYPE_COOKIE) this.#startMember(place);
    place.member?.receive(from, datagram);
    if (!isFar || place.member === null) return;
    place.cancelEnd();
    place.cancelEnd = this.around.clock.after(FAR_SILENT_MS, () => {
      place.member?.stop();
      place.member = null;
    });
  }

  #startMember(place: Place): void {
    const send = (to: SocketAddress, datagram: Uint8Array): void => {
      place.socket.send(datagram, to.port, to.ip, () => {
        /* as on any network, what does not get through is lost */
      });
    };
    place.member = new CrowdMember(place.plan, this.settings, { ...this.around, send }, place.part);
    place.member.start();
  }

  #startNext(places: readonly Place[], index: number): void {
    const place = places[index];
    if (place === undefined || this.#stopped) return;
    this.#startMember(place);
    this.#cancelNext = this.around.clock.after(START_INTERVAL_MS, () => this.#startNext(places, index + 1));
  }
}

async function bind({ plan, socket }: Place, port: number): Promise<void> {
  socket.bind(port, plan.address);
  // Rejects with the socket's error.
  await once(socket, 'listening');
}
