/**
 * Node of a crowd: the real mesh core, driven as the agent drives it, over a {@link CrowdRouter}. It claims a pod CIDR and
 * has no pods, no TAP and no files.
 */
import { parseCidr } from '../../common/address/cidr.js';
import type { RouterCommand } from '../../common/router-port.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { HEDDLE_VERSION } from '../../common/version.js';
import { every } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import { MeshDriver } from '../../agent/control-plane/mesh-driver.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { generateIdentity, Mesh } from '../../mesh/index.js';
import type { MeshEvent, RandomSource } from '../../mesh/index.js';
import { CROWD_CLUSTER_CIDR } from './crowd-plan.js';
import type { MemberPlan } from './crowd-plan.js';
import { CrowdRouter } from './crowd-router.js';
import { isGossip } from './gossip-gate.js';

/** As the router reports to its agent. */
const COUNTERS_INTERVAL_MS = 1000;

export interface CrowdSettings {
  /** 32 bytes, that of the node they meet. */
  readonly clusterSecret: Uint8Array;
  readonly port: number;
  /** The nodes that all members dial. */
  readonly seeds: readonly SocketAddress[];
  readonly mtuBytes: number;
  /** Whether members take part in gossip, and link with their neighbours among each other. */
  readonly linkAmong: boolean;
}

export interface MemberDeps {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly notices: NoticeLog;
  send(to: SocketAddress, datagram: Uint8Array): void;
}

export class CrowdMember {
  readonly #mesh: Mesh;
  readonly #router: CrowdRouter;
  readonly #driver: MeshDriver;
  #stopCounters: () => void = () => undefined;

  constructor(
    readonly plan: MemberPlan,
    readonly settings: CrowdSettings,
    readonly around: MemberDeps,
  ) {
    const { clock, notices } = around;
    this.#mesh = this.#createMesh();
    this.#router = new CrowdRouter({
      send: (to, datagram) => around.send(to, datagram),
      up: (event) => this.#up(event),
      nowMs: () => clock.nowMs(),
    });
    this.#driver = new MeshDriver({
      core: this.#mesh,
      clock,
      notices,
      sendToRouter: (command) => this.#down(command),
      onRoutesChanged: () => undefined,
      onAdvertsChanged: () => undefined,
      askAuthority: () => undefined,
      watchNodes: () => undefined,
      onHandled: () => undefined,
    });
  }

  /** Links of this member that work. */
  get linksUp(): number {
    return this.#mesh.members(this.around.clock.nowMs()).filter(({ state }) => state === 'up').length;
  }

  start(): void {
    const { clock } = this.around;
    this.#driver.feed({ type: 'seeds', seeds: this.settings.seeds });
    this.#driver.feed(this.#router.hello());
    this.#stopCounters = every(clock, COUNTERS_INTERVAL_MS, () => this.#driver.feed(this.#router.counters()));
  }

  receive(from: SocketAddress, datagram: Uint8Array): void {
    this.#router.receive(from, datagram);
  }

  /** Says goodbye. */
  stop(): void {
    this.#stopCounters();
    this.#driver.stop('leave');
  }

  #up(event: MeshEvent): void {
    if (event.type === 'control' && this.#isKeptOut(event.bytes)) return;
    this.#driver.feed(event);
  }

  #down(command: RouterCommand): void {
    if (command.type === 'sendControl' && this.#isKeptOut(command.bytes)) return;
    this.#router.execute(command);
  }

  #isKeptOut(message: Uint8Array): boolean {
    return !this.settings.linkAmong && isGossip(message);
  }

  #createMesh(): Mesh {
    const { plan, settings, around } = this;
    const { name, address, podCidr } = plan;
    return new Mesh({
      identity: generateIdentity(around.random),
      self: {
        name,
        version: HEDDLE_VERSION,
        endpoints: [{ ip: address, port: settings.port }],
        podCidrs: [podCidr],
        podMtuBytes: null,
      },
      clusterSecrets: [settings.clusterSecret],
      clusterCidrs: [parseCidr(CROWD_CLUSTER_CIDR)],
      random: around.random,
      underlay: { mtuBytes: settings.mtuBytes, ownAddresses: [address] },
      cachedAdverts: [],
      cachedStamps: { own: 0, accepted: [], firstHeard: [] },
      wallClockMs: around.clock.wallTime().getTime(),
      cipherPreference: 'auto',
      needsAuthority: false,
    });
  }
}
