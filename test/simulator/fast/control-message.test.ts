import { describe, expect, it } from '@jest/globals';
import { describeControl as realDescribe, encodeControl as realEncode } from '../../../mesh/wire/control-message.js';
import type { ControlMessage } from '../../../mesh/wire/control-message.js';
import { decodeControl, describeControl, encodeControl } from './control-message.js';

describe('control messages of the simulator', () => {
  const closed: ControlMessage = { type: 'linksQuery' };
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

  it('are not decoded where they arrive as they were sent', () => {
    for (const message of [closed, advertsOf(3)]) {
      const bytes = encodeControl(message);
      expect(decodeControl(bytes)).toBe(message);
      expect(describeControl(bytes)).toBe(realDescribe(realEncode(message)));
    }
  });

  it('are decoded where they are a copy, and refused where they are damaged', () => {
    const bytes = encodeControl(closed);
    expect(decodeControl(new Uint8Array(bytes))).toEqual(closed);
    expect(() => decodeControl(bytes.slice(0, -1))).toThrow();
  });
});
