import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { NodeId } from '../../../common/node-id.js';
import { LINK_STATES } from '../../../common/api.js';
import { describeControl as realDescribe, encodeControl as realEncode } from '../../../mesh/wire/control-message.js';
import type { ControlMessage } from '../../../mesh/wire/control-message.js';
import { decodeControl, describeControl, encodeControl } from './control-message.js';

describe('control messages of the simulator', () => {
  const question: ControlMessage = { type: 'linksQuery' };
  const advertsOf = (...lengths: number[]): ControlMessage => ({
    type: 'adverts',
    adverts: lengths.map((length) => new Uint8Array(length).fill(7)),
  });

  it.each([[0], [1], [255], [256], [2560], [300, 20, 255]])(
    'have the length of the product for adverts of %p',
    (...lengths) => {
      const message = advertsOf(...lengths);
      expect(encodeControl(message)).toHaveLength(realEncode(message).length);
    },
  );

  it.each([0, 15, 16, 200])('have the length of the product for %p adverts', (count) => {
    const message = advertsOf(...Array.from({ length: count }, (_, i) => 200 + i));
    expect(encodeControl(message)).toHaveLength(realEncode(message).length);
  });

  it('have the length of the product whatever they say', () => {
    const id = fc.stringMatching(/^[0-9a-f]{32}$/).map((text) => text as NodeId);
    const count = fc.oneof(fc.nat(300), fc.nat(70_000), fc.maxSafeNat());
    const entries = fc.array(fc.record({ id, revision: count }), { maxLength: 20 });
    const link = fc.record({
      peer: id,
      state: fc.constantFrom(...LINK_STATES),
      rttMs: fc.option(fc.oneof(count, fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }))),
      mtuBytes: count,
      txBytes: count,
      rxBytes: count,
      cipher: fc.option(fc.constantFrom('aes-256-gcm', 'chacha20-poly1305')),
      isRelayed: fc.boolean(),
    });
    const pods = fc.option(fc.record({ list: fc.constantFrom([], [{ name: 'a', ips: [] }]), count }));
    const message: fc.Arbitrary<ControlMessage> = fc.oneof(
      fc.record({ type: fc.constant('hashes' as const), bytes: fc.uint8Array({ maxLength: 3000 }) }),
      fc.record({ type: fc.constant('buckets' as const), buckets: fc.array(fc.nat(255)), entries }),
      fc.record({ type: fc.constant('pull' as const), ids: fc.array(id, { maxLength: 20 }) }),
      fc.record({ type: fc.constant('links' as const), links: fc.array(link, { maxLength: 20 }), pods }),
    );
    const sameLength = (said: ControlMessage): void => {
      expect(encodeControl(said)).toHaveLength(realEncode(said).length);
    };
    fc.assert(fc.property(message, sameLength));
  });

  it('are encoded where they are longer than the product sends', () => {
    const ids = Array.from({ length: 5000 }, () => '0'.repeat(32) as NodeId);
    const message: ControlMessage = { type: 'pull', ids };
    expect(Buffer.compare(encodeControl(message), realEncode(message))).toBe(0);
  });

  it('are not decoded where they arrive as they were sent', () => {
    for (const message of [question, advertsOf(3)]) {
      const bytes = encodeControl(message);
      expect(decodeControl(bytes)).toBe(message);
      expect(describeControl(bytes)).toBe(realDescribe(realEncode(message)));
    }
  });

  it('are decoded where they are a copy, and refused where they are damaged', () => {
    const bytes = encodeControl(question);
    expect(decodeControl(new Uint8Array(bytes))).toEqual(question);
    expect(() => decodeControl(bytes.slice(0, -1))).toThrow();
  });
});
