/**
 * Cost of members that a mesh core knows from their adverts and has no link with: processor time for each that it learns, one
 * message after the other as gossip brings them, and heap. One core on a virtual clock; its router takes what it is told.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { NodeId } from '../../../common/node-id.js';
import { generateIdentity, Mesh } from '../../../mesh/index.js';
import type { MeshEvent } from '../../../mesh/index.js';
import { encodeControl } from '../../../mesh/wire/control-message.js';
import { systemRandom } from '../../../agent/control-plane/system-random.js';
import { optionsOf } from './resting-core.js';

/** Adverts of one peer above which it is refused more, per second. */
const PER_SENDER = 400;
/** Of the core, between two messages. */
const APART_MS = 20;

export interface KnownCost {
  /** With the check of the advert's signature. */
  readonly usPerMember: number;
  readonly heapBytesPerMember: number;
}

export function measureKnown(members: number): KnownCost {
  const others = Array.from({ length: members }, (_, i) => new Mesh(optionsOf(i + 1, [])).adverts()[0]!);
  const messages = others.map((advert) => encodeControl({ type: 'adverts', adverts: [advert] }));
  const senders = Array.from({ length: Math.ceil(members / PER_SENDER) }, (_, i) => i);
  const mesh = new Mesh({ ...optionsOf(0, others.slice(0, senders.length)), identity: generateIdentity(systemRandom) });
  const ids = mesh.members(0).map(({ id }) => id);
  mesh.handle({ type: 'routerConnected', instance: 'r', ciphers: ['aes-256-gcm'], paths: [], sessions: held(ids) }, 0);
  const before = heapBytes();
  const startedMs = performance.now();
  messages.forEach((bytes, i) => {
    mesh.handle({ type: 'control', peer: ids[i % ids.length]!, bytes }, APART_MS * (i + 1));
  });
  const tookMs = performance.now() - startedMs;
  const heapBytesPerMember = (heapBytes() - before) / mesh.members(APART_MS * members).length;
  return { usPerMember: (tookMs * 1000) / members, heapBytesPerMember };
}

function held(ids: readonly NodeId[]): Extract<MeshEvent, { type: 'routerConnected' }>['sessions'] {
  return ids.map((id, i) => ({
    ...{ peer: id, localIndex: i + 1, active: true, unitsSent: 0, ageMs: 0, cipher: 'aes-256-gcm' as const },
  }));
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
