/**
 * Member of a cluster that lies, for tests: it has the cluster secret, joins by the mesh core as any other node, and says besides
 * what the protocol does not let a node say (`hostile-lies.ts`).
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { MeshDriver } from '../../agent/control-plane/mesh-driver.js';
import { systemRandom } from '../../agent/control-plane/system-random.js';
import type { Cidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { every, systemClock } from '../../common/clock.js';
import { silentLogger } from '../../common/log.js';
import { NoticeLog } from '../../common/notice-log.js';
import { HEDDLE_VERSION } from '../../common/version.js';
import { generateIdentity, Mesh } from '../../mesh/index.js';
import type { MeshEvent, NodeIdentity, SelfDescription } from '../../mesh/index.js';
import { readAdvert, signAdvert } from '../../mesh/wire/advert.js';
import type { Advert, AdvertStamp } from '../../mesh/wire/advert.js';
import { encodeControl } from '../../mesh/wire/control-message.js';
import type { ControlMessage } from '../../mesh/wire/control-message.js';
import { CrowdRouter } from '../crowd/crowd-router.js';

const NAME = 'liar';
const UNDERLAY_MTU_BYTES = 1500;
const COUNTERS_INTERVAL_MS = 1000;
const LOOK_MS = 50;
/** Of an identity that says it was there before all others. */
export const FORGED_STAMP: AdvertStamp = { createdAtMs: 1, revision: 1, incarnation: 1, lowestStamp: 0 };

export interface HostileSettings {
  readonly address: SocketAddress;
  readonly seeds: readonly SocketAddress[];
  readonly clusterSecret: Uint8Array;
  /** What it claims from its start, as an identity older than all others. */
  readonly claims: readonly Cidr[];
}

export class HostileMember {
  readonly identity: NodeIdentity = generateIdentity(systemRandom);
  readonly #mesh: Mesh;
  readonly #router: CrowdRouter;
  readonly #driver: MeshDriver;
  readonly #socket = createSocket('udp4');

  constructor(readonly settings: HostileSettings) {
    this.#mesh = this.#createMesh();
    this.#router = new CrowdRouter({
      send: (to, datagram) => this.#socket.send(datagram, to.port, to.ip),
      up: (event) => this.#driver.feed(event),
      nowMs: () => systemClock.nowMs(),
    });
    this.#driver = new MeshDriver({
      core: this.#mesh,
      clock: systemClock,
      notices: new NoticeLog(silentLogger(), systemClock),
      sendToRouter: (command) => this.#router.execute(command),
      onRoutesChanged: () => undefined,
      onAdvertsChanged: () => undefined,
      askAuthority: () => undefined,
      watchNodes: () => undefined,
      onHandled: () => undefined,
    });
  }

  get self(): SelfDescription {
    const { address, claims } = this.settings;
    return { name: NAME, version: HEDDLE_VERSION, endpoints: [address], podCidrs: claims, podMtuBytes: null };
  }

  /** Adverts of the other members, as they are now. */
  get others(): readonly Advert[] {
    const adverts = this.#mesh.adverts().map((bytes) => readAdvert(bytes).advert);
    return adverts.filter(({ id }) => id !== this.identity.id);
  }

  async start(): Promise<void> {
    this.#socket.bind(this.settings.address.port, this.settings.address.ip);
    await once(this.#socket, 'listening');
    this.#socket.on('message', (datagram, { address, port }) =>
      this.#router.receive({ ip: parseIpAddress(address), port }, datagram),
    );
    this.feed({ type: 'seeds', seeds: this.settings.seeds });
    this.feed(this.#router.hello());
    every(systemClock, COUNTERS_INTERVAL_MS, () => this.feed(this.#router.counters()));
  }

  /** Resolves when it has links to all its seeds. */
  async linked(): Promise<void> {
    const count = (): number => this.#mesh.members(systemClock.nowMs()).filter(({ state }) => state === 'up').length;
    while (count() < this.settings.seeds.length)
      await new Promise((done) => systemClock.after(LOOK_MS, () => done(null)));
  }

  feed(event: MeshEvent): void {
    this.#driver.feed(event);
  }

  /** An advert of its own, as good as any, with this stamp. */
  advert(stamp: AdvertStamp): Uint8Array {
    return signAdvert(this.identity, this.self, stamp).bytes;
  }

  /** Sends a control message in the sessions with all others. */
  tellAll(message: ControlMessage): void {
    const bytes = encodeControl(message);
    for (const { id } of this.others) this.#router.execute({ type: 'sendControl', peer: id, bytes });
  }

  #createMesh(): Mesh {
    const { address, clusterSecret, claims } = this.settings;
    return new Mesh({
      identity: this.identity,
      self: this.self,
      clusterSecrets: [clusterSecret],
      clusterCidrs: claims,
      random: systemRandom,
      underlay: { mtuBytes: UNDERLAY_MTU_BYTES, ownAddresses: [address.ip] },
      cachedAdverts: [this.advert(FORGED_STAMP)],
      cachedStamps: { own: 0, accepted: [], firstHeard: [] },
      wallClockMs: Date.now(),
      cipherPreference: 'auto',
      needsAuthority: false,
    });
  }
}
