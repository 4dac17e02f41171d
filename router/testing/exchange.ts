/** Exchange of records between test nodes: into one node's TAP, and steps of all nodes until nothing moves any more. */
import { ipToBytes } from '../../common/address/ip-address.js';
import { GATEWAY_MAC, macToBytes, MESH_MAC } from '../../common/address/mac-address.js';
import { PATIENCE_MS } from './datagram-socket.js';
import type { Ends } from './frame-arbitraries.js';
import { segmentAsKernel } from './kernel-segmentation.js';
import type { TestNode } from './test-node.js';
import { podAddress } from './test-node.js';

/** A network between the nodes, stepped by hand. */
export interface Conveyor {
  /** False when no datagram moved. */
  turn(): boolean;
}

export const NO_CONVEYOR: Conveyor = { turn: () => false };

/** What waits in a packet pair at once: the least that any kernel's socket buffer holds. */
const IN_FLIGHT_BYTES = 64 << 10;
/** The kernel may deliver on loopback from another thread of its own when the machine is busy. */
const QUIET_MS = 5;

/** Steps all until no datagram moves for `quietMs`. */
export function settle(nodes: readonly TestNode[], conveyor: Conveyor = NO_CONVEYOR, quietMs = QUIET_MS): void {
  do {
    while ([...nodes.map((node) => node.turn()), conveyor.turn()].some((moved) => moved));
  } while (nodes.some((node) => node.waitForDatagram(quietMs)));
}

/** Steps the node until it gives its pods a record: that record, or null when none comes. */
export function awaitRecord(node: TestNode): Uint8Array | null {
  const deadlineMs = performance.now() + PATIENCE_MS;
  do {
    while (node.turn());
    const record = node.tap.receive();
    if (record !== null) return record;
  } while (node.waitForDatagram(QUIET_MS) || performance.now() < deadlineMs);
  return null;
}

/**
 * Hands `records` to `from` and returns what `to` gave its pods, in order. With `expectedFrames` (as the kernel cuts
 * them) it waits until they are there.
 */
export function exchange(
  from: TestNode,
  to: TestNode,
  records: readonly Uint8Array[],
  options: {
    readonly conveyor?: Conveyor;
    readonly expectedFrames?: number;
    readonly nodes?: readonly TestNode[];
  } = {},
): Uint8Array[] {
  const { conveyor = NO_CONVEYOR, nodes = [from, to] } = options;
  const received: Uint8Array[] = [];
  const step = (): boolean => {
    const moved = [...nodes.map((node) => node.turn()), conveyor.turn()].some((some) => some);
    received.push(...to.tap.receiveAll());
    return moved;
  };
  for (let next = 0; next < records.length;) {
    for (let bytes = 0; next < records.length && bytes < IN_FLIGHT_BYTES; next++) {
      if (!from.tap.send(records[next]!)) break;
      bytes += records[next]!.length;
    }
    while (step());
  }
  const framesSoFar = (): number => received.reduce((sum, record) => sum + segmentAsKernel(record).length, 0);
  const expected = options.expectedFrames ?? Infinity;
  const deadlineMs = performance.now() + (expected === Infinity ? 0 : PATIENCE_MS);
  do {
    while (step());
    if (framesSoFar() >= expected) break;
  } while (nodes.some((node) => node.waitForDatagram(QUIET_MS)) || performance.now() < deadlineMs);
  return received;
}

/** Two pods on different nodes. */
export function endsOf(from: TestNode, to: TestNode, family: '4' | '6', host?: number): Ends {
  const source = ipToBytes(podAddress(from.number, family));
  return { source, destination: ipToBytes(podAddress(to.number, family, host)) };
}

/** Frames that the far pods' kernel makes of records. */
export function framesOnTheWire(records: readonly Uint8Array[]): Uint8Array[] {
  return records.flatMap(segmentAsKernel);
}

/** Frames expected for records: the same ones, from the mesh's next hop to the gateway. */
export function expectedFrames(records: readonly Uint8Array[]): Uint8Array[] {
  return records.flatMap((record) => {
    const frames = segmentAsKernel(record);
    for (const frame of frames) frame.set([...macToBytes(GATEWAY_MAC), ...macToBytes(MESH_MAC)]);
    return frames;
  });
}

/** Frames as text, so that a failed comparison shows where they differ. */
export function hex(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => Buffer.from(frame).toString('hex'));
}
