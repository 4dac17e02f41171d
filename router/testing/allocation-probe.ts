/**
 * Program of `allocation.integration.test.ts`: pushes small frames through a warmed pair of forwarders and prints as JSON what
 * that did to the heap. Started with `--expose-gc`. Usage: node allocation-probe.js FRAMES [relayed]
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { ipToBytes } from '../../common/address/ip-address.js';
import { buildRecord } from './frame-builder.js';
import type { FrameSpec } from './frame-builder.js';
import { RelayTriangle } from './relay-triangle.js';
import { link, podAddress, TestNode } from './test-node.js';

export interface AllocationReport {
  readonly frames: number;
  readonly delivered: number;
  readonly seconds: number;
  /** Growth of the live heap, after a full collection on both sides. */
  readonly grownBytes: number;
  readonly collections: number;
}

const BATCH = 64;
const WARM_UP_FRAMES = 64_000;
const PAYLOAD_BYTES = 18;

/** Between two batches: more than the rate of a relay needs for one. */
const BATCH_MS = 10;

/** Two nodes, and what is between them. */
const [a, b, relay] = process.argv[3] === 'relayed' ? relayedPair() : pair();
const record = buildRecord(smallDatagram());

function pair(): [TestNode, TestNode] {
  const nodes: [TestNode, TestNode] = [new TestNode({ number: 1 }), new TestNode({ number: 2 })];
  link(...nodes);
  return nodes;
}

function relayedPair(): [TestNode, TestNode, TestNode] {
  const triangle = new RelayTriangle();
  return [triangle.a, triangle.b, triangle.relay];
}

function smallDatagram(): FrameSpec {
  return {
    destinationMac: Uint8Array.of(0x0a, 0x58, 10, 2, 0, 5),
    sourceMac: Uint8Array.of(0x0a, 0x58, 10, 1, 0, 5),
    source: ipToBytes(podAddress(1, '4')),
    destination: ipToBytes(podAddress(2, '4')),
    trafficClass: 0,
    hopLimit: 64,
    // Every frame says the same, so none is coalesced: the worst case for what happens per frame.
    identification: 7,
    fragment: 0x4000,
    ipOptionBytes: 0,
    sourcePort: 4000,
    destinationPort: 5000,
    transport: { kind: 'udp' },
    payload: new Uint8Array(PAYLOAD_BYTES),
    offload: 'checksum',
    gsoBytes: 0,
  };
}

/** Pushes frames in batches; returns how many came out. */
function push(frames: number): number {
  let delivered = 0;
  for (let sent = 0; sent < frames; sent += BATCH) {
    for (let i = 0; i < BATCH; i++) a.tap.send(record);
    a.turn();
    if (relay !== undefined) {
      relay.nowMs += BATCH_MS;
      while (relay.turn());
    }
    while (b.turn());
    while (b.tap.discard()) delivered++;
  }
  return delivered;
}

async function measure(frames: number): Promise<AllocationReport> {
  const collect = globalThis.gc!;
  let collections = 0;
  const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
  push(WARM_UP_FRAMES);
  collect();
  await eventLoopTurn();
  observer.observe({ entryTypes: ['gc'] });
  const heapBefore = process.memoryUsage().heapUsed;
  const startedMs = performance.now();
  const delivered = push(frames);
  const seconds = (performance.now() - startedMs) / 1000;
  await eventLoopTurn();
  await eventLoopTurn();
  observer.disconnect();
  const counted = collections;
  collect();
  const grownBytes = process.memoryUsage().heapUsed - heapBefore;
  return { frames, delivered, seconds, grownBytes, collections: counted };
}

process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[2])))}\n`);
