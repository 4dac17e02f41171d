/** What each kind of liar says, again and again until it is gone. */
import { parseCidr } from '../../../common/address/cidr.js';
import type { Cidr } from '../../../common/address/cidr.js';
import { encodeHandshake, readHandshake } from '../../../common/wire/handshake-datagram.js';
import { TOKEN_BYTES } from '../../../common/wire/relay-envelope.js';
import { MAX_CIDRS_PER_NODE } from '../../../common/protocol.js';
import { BUCKET_HASH_BYTES, BUCKETS, MAX_DEATHS_PER_MESSAGE } from '../../../mesh/limits.js';
import { CLUSTER_CIDRS, SECRET, WALL_CLOCK_MS } from '../../../mesh/testing/sim-node.js';
import type { SimNode } from '../../../mesh/testing/sim-node.js';
import { readAdvert, signAdvert } from '../../../mesh/wire/advert.js';
import { ClusterKeys } from '../../../mesh/wire/cluster-keys.js';
import { encodeControl } from '../../../mesh/wire/control-message.js';
import type { ControlMessage, DigestEntry } from '../../../mesh/wire/control-message.js';
import { signDeathReport } from '../../../mesh/wire/death-report.js';
import { SIGNATURE_BYTES } from '../../../mesh/wire/curve-keys.js';
import { generateIdentity } from '../../../mesh/wire/identity.js';
import { signRevocation } from '../../../mesh/wire/revocation.js';
import type { LieKind } from './fault-kinds.js';
import { FORGED_STAMP } from './liar.js';
import type { Liar } from './liar.js';
import { loneInitiation } from '../../../mesh/testing/lone-initiation.js';

const DEFAULT_ROUTES = ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', '2000::/3'].map(parseCidr);
const INVENTED_PER_STEP = 40;
const QUESTIONS_PER_STEP = 20;
const GARBAGE_BYTES = 400;
/** With a step every 100 ms, 10^5 in 20 s. */
const INITIATIONS_PER_STEP = 500;
const HIGHEST_REVISION = Number.MAX_SAFE_INTEGER;
const KEYS = new ClusterKeys(SECRET);

/** Begins before the liar starts, and gives what it says in each step. */
type Lie = (liar: Liar) => (step: number) => void;

const LIES: Readonly<Record<LieKind, Lie>> = {
  'lie-claims': (liar) => {
    liar.claim(liar.honest.flatMap(({ podCidrs }) => podCidrs).slice(0, MAX_CIDRS_PER_NODE));
    return () => undefined;
  },
  'lie-cluster-cidr': (liar) => {
    liar.claim(CLUSTER_CIDRS);
    return () => undefined;
  },
  'lie-default-route': (liar) => {
    liar.claim(DEFAULT_ROUTES);
    return () => undefined;
  },
  'lie-age': (liar) => {
    const claimed = liar.pickOne().podCidrs;
    return (step) => {
      liar.node.podCidrs.splice(0, liar.node.podCidrs.length, ...claimed);
      const counters = { revision: HIGHEST_REVISION - 100_000 + step, lowestStamp: HIGHEST_REVISION };
      liar.tellAll({ type: 'adverts', adverts: [liar.advert({ ...FORGED_STAMP, ...counters, incarnation: step })] });
    };
  },
  'lie-old-adverts': (liar) => {
    const adverts = liar.honest.map(({ mesh }) => mesh?.adverts()[0]).filter((bytes) => bytes !== undefined);
    // They are old from now on.
    for (const node of liar.honest) node.handle({ type: 'self', self: node.self });
    return () => repeat(QUESTIONS_PER_STEP, () => liar.tellAll({ type: 'adverts', adverts }));
  },
  'lie-members': (liar) => () => {
    const adverts = Array.from({ length: INVENTED_PER_STEP }, () => inventedAdvert(liar));
    liar.tellAll({ type: 'adverts', adverts });
  },
  'lie-digests': (liar) => () => {
    const entries = liar.honest.map(({ id }): DigestEntry => ({ id, revision: HIGHEST_REVISION }));
    const invented = Array.from({ length: 100 }, () => ({ id: generateIdentity(liar.random).id, revision: 1 }));
    liar.tellAll({ type: 'hashes', bytes: liar.random.bytes(BUCKETS * BUCKET_HASH_BYTES) });
    liar.tellAll({ type: 'buckets', buckets: Array.from({ length: BUCKETS }, (_, i) => i), entries: [] });
    liar.tellAll({ type: 'buckets', buckets: [0], entries: [...entries, ...invented] });
    for (const node of liar.honest) liar.tell(node, digestOf([...entries, ...invented]));
  },
  'lie-questions': (liar) => {
    const ids = liar.honest.map(({ id }) => id);
    return () =>
      repeat(QUESTIONS_PER_STEP, () => {
        for (const node of liar.honest) liar.tell(node, digestOf([]));
        liar.tellAll({ type: 'pull', ids });
        liar.tellAll({ type: 'linksQuery' });
      });
  },
  'lie-garbage': (liar) => (step) => {
    for (const node of liar.honest) {
      liar.tell(node, liar.random.bytes(1 + Math.floor(liar.random.fraction() * GARBAGE_BYTES)));
      const good = digestOf([{ id: node.id, revision: 1 }]);
      liar.tell(node, good.subarray(0, Math.floor(liar.random.fraction() * good.length)));
      liar.tellAll({
        type: 'adverts',
        adverts: [damaged(liar.advert({ ...FORGED_STAMP, revision: HIGHEST_REVISION - step }), liar)],
      });
    }
  },
  'lie-handshakes': (liar) => {
    const victim = liar.pickOne();
    const initiations = [initiationOf(liar, null), initiationOf(liar, victim)].map((bytes) => readHandshake(bytes)!);
    return (step) => {
      for (let i = 0; i < INITIATIONS_PER_STEP; i++) {
        const senderIndex = step * INITIATIONS_PER_STEP + i;
        liar.send(victim, encodeHandshake({ ...initiations[i % 2]!, senderIndex }, KEYS));
      }
    };
  },
  'lie-deaths': (liar) => () => {
    const reports = liar.honest.map((node) => signDeathReport(liar.node.identity, node.id, revisionOf(node)));
    const forged = reports.map((report) => ({
      ...report,
      observer: liar.pickOne().id,
      signature: liar.random.bytes(SIGNATURE_BYTES),
    }));
    tellDeaths(liar, [...reports, ...forged]);
  },
  'lie-late-goodbyes': (liar) => {
    const victim = liar.pickOne();
    // What its neighbours said when it left, before it came back with a new advert.
    const reports = liar.honest.map(({ identity }) => signDeathReport(identity, victim.id, revisionOf(victim)));
    victim.handle({ type: 'self', self: victim.self });
    return () => repeat(QUESTIONS_PER_STEP, () => tellDeaths(liar, reports));
  },
  'lie-goodbye': (liar) => {
    liar.claim(liar.pickOne().podCidrs);
    return (step) => {
      liar.tellAll({ type: 'goodbye' });
      const stamp = { ...FORGED_STAMP, revision: HIGHEST_REVISION - 100_000 + step };
      liar.tellAll({ type: 'adverts', adverts: [liar.advert(stamp)] });
    };
  },
  'lie-revocations': (liar) => () => {
    const atMs = WALL_CLOCK_MS + liar.nowMs;
    const revocations = liar.honest.map(
      ({ id }) => signRevocation(liar.node.identity, KEYS, { node: id, name: '', isRevoked: true, atMs }).bytes,
    );
    for (const bytes of revocations) liar.tellAll({ type: 'revocations', revocations: [bytes] });
  },
  'lie-relays': (liar) => {
    const relay = liar.node.id;
    return () => {
      // It drops what it is asked to pass on.
      if (liar.node.router !== null) liar.node.router.relays.receive = () => null;
      for (const { id } of liar.honest) {
        const channel = { channel: 1 + liar.random.bytes(1)[0]!, token: liar.random.bytes(TOKEN_BYTES) };
        liar.tellAll({ type: 'relayOffer', target: id, answer: 'yes', roundTripUs: 0, via: null });
        liar.tellAll({ type: 'relayOpened', peer: id, channel, isComplete: false });
        liar.tellAll({ type: 'relayOpen', target: id, channel });
        liar.tellAll({ type: 'relayQuery', target: id, mayLink: true });
        liar.tellAll({ type: 'relayClosed', peer: id, reason: 'gone' });
      }
      liar.tellAll({ type: 'relayUsed', relay });
    };
  },
};

export function beginLie(kind: LieKind, liar: Liar): (step: number) => void {
  return LIES[kind](liar);
}

function tellDeaths(liar: Liar, reports: Extract<ControlMessage, { type: 'deaths' }>['reports']): void {
  for (let at = 0; at < reports.length; at += MAX_DEATHS_PER_MESSAGE) {
    liar.tellAll({ type: 'deaths', reports: reports.slice(at, at + MAX_DEATHS_PER_MESSAGE) });
  }
}

function digestOf(entries: readonly DigestEntry[]): Uint8Array {
  const fromId = '0'.repeat(32) as DigestEntry['id'];
  return encodeControl({ type: 'digest', fromId, toId: null, entries });
}

/** Of a node that does not exist, at an address that none has. */
function inventedAdvert({ random }: Liar): Uint8Array {
  const identity = generateIdentity(random);
  const [a, b, c] = random.bytes(3);
  const podCidrs: Cidr[] = [parseCidr(`10.${48 + (a! & 15)}.${b!}.0/24`)];
  const self = { name: `invented-${identity.id}`, version: '1', endpoints: [], podCidrs, podMtuBytes: null };
  return signAdvert(identity, self, { ...FORGED_STAMP, revision: 1 + c! }).bytes;
}

function damaged(advert: Uint8Array, { random }: Liar): Uint8Array {
  return advert.with(advert.length - 1, Math.floor(random.fraction() * 256));
}

/** @param target whom the initiation has a proof for; null for any node */
function initiationOf({ node, random, nowMs }: Liar, target: SimNode | null): Uint8Array {
  const { identity, address } = node;
  const sender = { identity, random, clusterSecret: SECRET, wallMs: WALL_CLOCK_MS + nowMs, nowMs };
  return loneInitiation(sender, address, target?.identity.noiseKeys.publicKey ?? null);
}

function revisionOf(node: SimNode): number {
  const own = node.mesh?.adverts()[0];
  return own === undefined ? 0 : readAdvert(own).advert.revision;
}

function repeat(times: number, run: () => void): void {
  for (let i = 0; i < times; i++) run();
}
