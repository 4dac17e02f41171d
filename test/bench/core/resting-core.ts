/**
 * Cost of the mesh core at rest: one core with links to many members that answer its probes after a millisecond, on a virtual
 * clock. The links are those of an earlier process, which the router still holds, so no handshake is needed.
 */
import { parseCidr } from '../../../common/address/cidr.js';
import { parseIpAddress } from '../../../common/address/ip-address.js';
import { systemRandom } from '../../../agent/control-plane/system-random.js';
import { generateIdentity, Mesh } from '../../../mesh/index.js';
import type { MeshEffect, MeshEvent, MeshOptions } from '../../../mesh/index.js';

/** Virtual time before the measurement, in which probes spread and path MTUs are found. */
const SETTLE_MS = 30_000;
const MEASURED_MS = 10_000;
const COUNTERS_MS = 1_000;
/** As the driver of the core. */
const TICK_INTERVAL_MS = 250;

export interface RestCost {
  readonly events: number;
  readonly usPerEvent: number;
  /** Processor time of this core, % of one. */
  readonly cpuPercent: number;
}

export function measureRest(members: number): RestCost {
  const core = new RestingCore(members);
  core.runUntil(SETTLE_MS);
  const events = core.events;
  const before = process.cpuUsage();
  core.runUntil(SETTLE_MS + MEASURED_MS);
  const { user, system } = process.cpuUsage(before);
  const spentMs = (user + system) / 1000;
  const handled = core.events - events;
  return { events: handled, usPerEvent: (spentMs * 1000) / handled, cpuPercent: (spentMs / MEASURED_MS) * 100 };
}

class RestingCore {
  events = 0;
  readonly #mesh: Mesh;
  readonly #peers;
  /** Answers of one millisecond later. */
  #answers: MeshEvent[] = [];
  #nowMs = 0;
  #tickedMs = -Infinity;

  constructor(members: number) {
    const others = Array.from({ length: members }, (_, i) => new Mesh(optionsOf(i + 1, [])));
    this.#mesh = new Mesh(
      optionsOf(
        0,
        others.flatMap((other) => other.adverts()),
      ),
    );
    this.#peers = this.#mesh.members(0).map(({ id, endpoint }) => ({ id, endpoint: endpoint! }));
    this.#handle({
      type: 'routerConnected',
      instance: 'r',
      ciphers: ['aes-256-gcm'],
      paths: this.#peers.map(({ id, endpoint }) => ({ peer: id, endpoint, mtuBytes: 1500, upForMs: 60_000 })),
      sessions: this.#peers.map(({ id }, i) => ({
        peer: id,
        localIndex: i + 1,
        active: true,
        unitsSent: 0,
        ageMs: 0,
        cipher: 'aes-256-gcm',
      })),
    });
  }

  runUntil(endMs: number): void {
    for (; this.#nowMs < endMs; this.#nowMs++) {
      const answers = this.#answers;
      this.#answers = [];
      for (const answer of answers) this.#handle(answer);
      if (this.#nowMs % COUNTERS_MS === 0) this.#handle({ type: 'counters', peers: this.#counters(), sessions: [] });
      const dueMs = Math.max(this.#mesh.pollAt() ?? Infinity, this.#tickedMs + TICK_INTERVAL_MS);
      if (this.#nowMs < dueMs) continue;
      this.#tickedMs = this.#nowMs;
      this.#handle({ type: 'tick' });
    }
  }

  #handle(event: MeshEvent): void {
    this.events++;
    for (const effect of this.#mesh.handle(event, this.#nowMs)) this.#answer(effect);
  }

  #answer(effect: MeshEffect): void {
    if (effect.type !== 'probe' || effect.sizeBytes > 1500) return;
    const { peer, probeId, sizeBytes } = effect;
    const observed = { ip: parseIpAddress('192.0.2.1'), port: 6785 };
    this.#answers.push({ type: 'probeAnswer', peer, probeId, sizeBytes, roundTripUs: 900, observed });
  }

  #counters(): Extract<MeshEvent, { type: 'counters' }>['peers'] {
    const traffic = { txBytes: 0, txFrames: 0, rxBytes: 0, rxFrames: 0, lastReceivedMsAgo: 500, lossRatio: 0 };
    return this.#peers.map(({ id }) => ({ peer: id, ...traffic }));
  }
}

/** Of a core in a cluster whose nodes have a pod CIDR each. */
export function optionsOf(number: number, cachedAdverts: readonly Uint8Array[]): MeshOptions {
  const [high, low] = [number >> 8, number & 255];
  return {
    identity: generateIdentity(systemRandom),
    self: {
      name: `node-${number}`,
      version: '0.1.0',
      endpoints: [{ ip: parseIpAddress(`198.18.${high}.${low}`), port: 6785 }],
      podCidrs: [parseCidr(`10.${32 + high}.${low}.0/24`)],
      podMtuBytes: 1392,
    },
    clusterSecrets: [new Uint8Array(32)],
    clusterCidrs: [parseCidr('10.32.0.0/11')],
    random: systemRandom,
    underlay: { mtuBytes: 1500, ownAddresses: [] },
    cachedAdverts,
    cachedStamps: { own: 0, accepted: [], firstHeard: [] },
    wallClockMs: Date.now(),
    cipherPreference: 'auto',
    needsAuthority: false,
  };
}
