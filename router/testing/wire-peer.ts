/** Peer of a test node, played on the wire: a socket, keys and the reference codec. As honest or hostile as a test says. */
import type { NodeId } from '../../common/node-id.js';
import type { CipherName } from '../../common/router-port.js';
import { DatagramSocket } from './datagram-socket.js';
import type { OpenedUnit, SealOptions, WireKey } from './reference-wire.js';
import { openUnits, packRecords, sealUnit } from './reference-wire.js';
import { readRecords } from '../../common/wire/data-unit.js';
import type { TestNode } from './test-node.js';
import { baseKeyOf, nodeIdOf } from './test-node.js';

export class WirePeer {
  readonly id: NodeId;
  readonly socket: DatagramSocket;
  /** What the node seals for this peer, and what this peer seals for the node. */
  readonly incoming: WireKey;
  readonly outgoing: WireKey;
  #counter = 0;
  /** Datagrams of units that are not whole yet. */
  #waiting: Uint8Array[] = [];

  constructor(
    readonly node: TestNode,
    readonly number: number,
    cipher: CipherName = 'aes-256-gcm',
    mtuBytes = 1500,
  ) {
    this.id = nodeIdOf(number);
    this.socket = new DatagramSocket(node.address.ip);
    this.incoming = { cipher, baseKey: baseKeyOf(node.number, number), index: 0x0cc00000 + number };
    this.outgoing = { cipher, baseKey: baseKeyOf(number, node.number), index: 0x0dd00000 + number };
    node.command({ type: 'path', path: { peer: this.id, endpoint: this.socket.address, mtuBytes } });
    this.install();
  }

  /** Installs the session at the node, in place of itself when it was there: no incomplete unit is left. */
  install(): void {
    const { node, incoming, outgoing } = this;
    const session = { peer: this.id, localIndex: outgoing.index, remoteIndex: incoming.index, cipher: incoming.cipher };
    const keys = { sendKey: incoming.baseKey, receiveKey: outgoing.baseKey };
    node.command({ type: 'installSession', session: { ...session, ...keys } });
    node.command({ type: 'activateSession', localIndex: outgoing.index });
  }

  /** The units that have arrived whole since the last call. */
  units(): OpenedUnit[] {
    this.#waiting.push(...this.socket.receiveAll());
    const units = openUnits(this.incoming, this.#waiting);
    if (units.length > 0) this.#waiting = [];
    return units;
  }

  /** The records of all data units that have arrived whole. */
  records(): Uint8Array[] {
    return this.units().flatMap(({ plain }) => readRecords(plain));
  }

  /** The datagrams of the next unit, not sent. */
  seal(plain: Uint8Array, options: SealOptions = {}): Uint8Array[] {
    return sealUnit(this.outgoing, this.#counter++, plain, options);
  }

  sendDatagrams(datagrams: readonly Uint8Array[]): void {
    for (const datagram of datagrams) this.socket.send(this.node.address, datagram);
  }

  /** Seals and sends a unit with this plaintext. */
  send(plain: Uint8Array, options: SealOptions = {}): void {
    this.sendDatagrams(this.seal(plain, options));
  }

  sendRecords(records: readonly Uint8Array[], options: SealOptions = {}): void {
    this.send(packRecords(records), options);
  }

  close(): void {
    this.socket.close();
  }
}
