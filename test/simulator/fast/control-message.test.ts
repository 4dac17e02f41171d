import { describe, expect, it } from '@jest/globals';
import { decodeControl as realDecode } from '../../../mesh/wire/control-message.js';
import { decodeControl, encodeControl } from './control-message.js';

describe('control messages of the simulator', () => {
  const message = { type: 'adverts', adverts: [new Uint8Array([1, 2, 3])] } as const;

  it('have the bytes of the product, and are not decoded where they arrive as they were sent', () => {
    const bytes = encodeControl(message);
    expect(realDecode(bytes)).toEqual(message);
    expect(decodeControl(bytes)).toBe(message);
  });

  it('are decoded where they are a copy, and refused where they are damaged', () => {
    const bytes = encodeControl(message);
    expect(decodeControl(new Uint8Array(bytes))).toEqual(message);
    expect(() => decodeControl(bytes.slice(0, -1))).toThrow();
  });
});
