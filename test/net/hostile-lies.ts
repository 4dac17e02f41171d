/** What a hostile member says. Each lie is prepared when the member has its links, and told when the test says so. */
import { setTimeout as delay } from 'node:timers/promises';
import { systemRandom } from '../../agent/control-plane/system-random.js';
import { parseCidr } from '../../common/address/cidr.js';
import { systemClock } from '../../common/clock.js';
import { encodeHandshake, readHandshake } from '../../common/wire/handshake-datagram.js';
import { generateIdentity } from '../../mesh/index.js';
import { signAdvert } from '../../mesh/wire/advert.js';
import type { Advert } from '../../mesh/wire/advert.js';
import { ClusterKeys } from '../../mesh/wire/cluster-keys.js';
import { forgedSocket } from './forged-source.js';
import { FORGED_STAMP } from './hostile-member.js';
import type { HostileMember } from './hostile-member.js';
import { loneInitiation } from '../../mesh/testing/lone-initiation.js';

const STEP_MS = 100;
const AGE_STEPS = 20;
const OLD_ADVERT_STEPS = 30;
const OLD_ADVERTS_PER_STEP = 40;
const INVENTED_MEMBERS = 4000;
const INVENTED_PER_STEP = 200;
const INITIATIONS = 100_000;
const INITIATIONS_PER_STEP = 500;
const INITIATION_STEP_MS = 15;
/** Addresses that nobody has, besides those of the other members, as sources of initiations. */
const FORGED_SOURCES = Array.from({ length: 6 }, (_, i) => `192.168.99.${100 + i}`);

/** Resolves when all of it is said. */
type Tell = () => Promise<void>;

export const LIES: Readonly<Record<string, (member: HostileMember) => Tell>> = {
  /** What it claims is said from its start. */
  claims: () => () => Promise.resolve(),
  /** Its claims again and again, as a new process of an identity that is older each time. */
  age: (member) => async () => {
    for (let step = 1; step <= AGE_STEPS; step++) {
      const stamp = { ...FORGED_STAMP, revision: Number.MAX_SAFE_INTEGER - AGE_STEPS + step, incarnation: step };
      member.tellAll({ type: 'adverts', adverts: [member.advert(stamp)] });
      await delay(STEP_MS);
    }
  },
  'old-adverts': (member) => {
    const adverts = member.others.map(({ bytes }) => bytes);
    return async () => {
      for (let step = 0; step < OLD_ADVERT_STEPS; step++) {
        for (let i = 0; i < OLD_ADVERTS_PER_STEP; i++) member.tellAll({ type: 'adverts', adverts });
        await delay(STEP_MS);
      }
    };
  },
  'invented-members': (member) => async () => {
    for (let count = 0; count < INVENTED_MEMBERS; count += INVENTED_PER_STEP) {
      member.tellAll({ type: 'adverts', adverts: Array.from({ length: INVENTED_PER_STEP }, inventedAdvert) });
      await delay(STEP_MS);
    }
  },
  handshakes: (member) => async () => {
    const [to] = member.settings.seeds;
    const victim = member.others.find(({ endpoints }) => endpoints.some(({ ip }) => ip === to!.ip));
    const sources = [member.settings.address.ip, ...FORGED_SOURCES, ...member.others.map(addressOf)];
    const sockets = await Promise.all(sources.map((ip) => forgedSocket(ip, 0)));
    const keys = new ClusterKeys(member.settings.clusterSecret);
    const known = [initiationOf(member, null), initiationOf(member, victim!)].map((bytes) => readHandshake(bytes)!);
    for (let count = 0; count < INITIATIONS; count++) {
      const datagram = encodeHandshake({ ...known[count % known.length]!, senderIndex: count }, keys);
      sockets[count % sockets.length]!.send(datagram, to!.port, to!.ip);
      if (count % INITIATIONS_PER_STEP === 0) await delay(INITIATION_STEP_MS);
    }
  },
};

function inventedAdvert(): Uint8Array {
  const identity = generateIdentity(systemRandom);
  const [third] = systemRandom.bytes(1);
  const podCidrs = [parseCidr(`10.32.${128 + (third! >> 1)}.0/24`)];
  const self = { name: `invented-${identity.id}`, version: '1', endpoints: [], podCidrs, podMtuBytes: null };
  return signAdvert(identity, self, FORGED_STAMP).bytes;
}

/** @param target whom the initiation has a proof for; null for any node */
function initiationOf({ identity, settings }: HostileMember, target: Advert | null): Uint8Array {
  const { clusterSecret, address } = settings;
  const clocks = { wallMs: Date.now(), nowMs: systemClock.nowMs() };
  return loneInitiation(
    { identity, random: systemRandom, clusterSecret, ...clocks },
    address,
    target?.noiseKey ?? null,
  );
}

function addressOf({ endpoints }: Advert): string {
  return endpoints[0]!.ip;
}
