/** Mixing function in place of a hash: fast, the same for the same input, and without any security. */

/** `length` bytes that depend on every byte of the parts and on where each part ends. */
export function mix(length: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let a = 0x811c9dc5;
  let b = 0x9e3779b1 ^ length;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      a = Math.imul(a ^ part[i]!, 0x01000193);
      b = Math.imul(b + a, 0x85ebca6b) ^ (b >>> 13);
    }
    a ^= part.length;
  }
  const output = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    a = Math.imul(a ^ (b >>> 15), 0xc2b2ae35) + i;
    b = Math.imul(b ^ (a >>> 13), 0x27d4eb2f);
    output[i] = b >>> 24;
  }
  return output;
}

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
