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
import type { MeshEvent, NodeIdentity, RandomSource, SelfDescription } from '../../mesh/index.js';
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

/** What a member knows from the start, as after a restart, and what it takes part in. Default: as the settings say, and nothing known. */
export interface MemberPart {
  readonly identity: NodeIdentity;
  readonly knownAdverts: readonly Uint8Array[];
  readonly seeds: readonly SocketAddress[];
  readonly gossips: boolean;
  /** It answers handshakes and probes, and sends nothing by itself. */
  readonly isMute: boolean;
}

export interface MemberDeps {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly notices: NoticeLog;
  send(to: SocketAddress, datagram: Uint8Array): void;
}

export class CrowdMember {
  readonly #part: MemberPart;
  readonly #mesh: Mesh;
  readonly #router: CrowdRouter;
  readonly #driver: MeshDriver;
  #stopCounters: () => void = () => undefined;

  constructor(
    readonly plan: MemberPlan,
    readonly settings: CrowdSettings,
    readonly around: MemberDeps,
    part: Partial<MemberPart> = {},
  ) {
    const { clock, notices, random } = around;
    const { seeds, linkAmong: gossips } = settings;
    this.#part = { identity: generateIdentity(random), knownAdverts: [], seeds, gossips, isMute: false, ...part };
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
    this.#driver.feed({ type: 'seeds', seeds: this.#part.seeds });
    this.#driver.feed(this.#router.hello());
    this.#stopCounters = every(clock, COUNTERS_INTERVAL_MS, () => this.#driver.feed(this.#router.counters()));
  }

  receive(from: SocketAddress, datagram: Uint8Array): void {
    this.#router.receive(from, datagram);
  }

  /** Says goodbye, unless it is mute. */
  stop(): void {
    this.#stopCounters();
    this.#driver.stop(this.#part.isMute ? 'pause' : 'leave');
  }

  #up(event: MeshEvent): void {
    if (event.type === 'control' && this.#isKeptOut(event.bytes)) return;
    this.#driver.feed(event);
  }

  #down(command: RouterCommand): void {
    if (command.type === 'sendControl' && this.#isKeptOut(command.bytes)) return;
    if (this.#part.isMute && (command.type === 'sendControl' || command.type === 'probe')) return;
    this.#router.execute(command);
  }

  #isKeptOut(message: Uint8Array): boolean {
    return !this.#part.gossips && isGossip(message);
  }

  #createMesh(): Mesh {
    const { plan, settings, around } = this;
    const { address } = plan;
    return new Mesh({
      identity: this.#part.identity,
      self: describeMember(plan, settings.port),
      clusterSecrets: [settings.clusterSecret],
      clusterCidrs: [parseCidr(CROWD_CLUSTER_CIDR)],
      random: around.random,
      underlay: { mtuBytes: settings.mtuBytes, ownAddresses: [address] },
      cachedAdverts: this.#part.knownAdverts,
      cachedStamps: { own: 0, accepted: [], firstHeard: [] },
      wallClockMs: around.clock.wallTime().getTime(),
      cipherPreference: 'auto',
      needsAuthority: false,
    });
  }
}

/** What a member's advert says. */
export function describeMember({ name, address, podCidr }: MemberPlan, port: number): SelfDescription {
  return { name, version: HEDDLE_VERSION, endpoints: [{ ip: address, port }], podCidrs: [podCidr], podMtuBytes: null };
}
