/**
 * Plaintext of a data unit, type 5: records back to back, each at a multiple of 4 bytes from the start (`docs/wire.md`,
 * section 4). Little-endian, as the machine and the kernel have it.
 *
 * ```
 *  0           4                         14                               4 + length
 *  +-----------+-------------------------+--------------------------------+- - - - - - -
 *  | length    | virtio-net header       | Ethernet frame                 | 0..3 zeros
 *  | u32       | 10 bytes                |                                |
 *  +-----------+-------------------------+--------------------------------+- - - - - - -
 * ```
 * The virtio-net header is the kernel's (`router/packet/virtio-net-header.ts`).
 */

export const RECORD_LENGTH_BYTES = 4;
export const VIRTIO_NET_HEADER_BYTES = 10;
export const ETHERNET_HEADER_BYTES = 14;
const MIN_RECORD_BYTES = VIRTIO_NET_HEADER_BYTES + ETHERNET_HEADER_BYTES;

/** Whether `length` may be a record's length when `available` bytes of the unit follow the length field. */
export function checkRecord(length: number, available: number): boolean {
  return length >= MIN_RECORD_BYTES && length <= available;
}

/** Bytes that a record takes in its unit: length field, header, frame and padding. */
export function paddedRecordBytes(length: number): number {
  return (RECORD_LENGTH_BYTES + length + 3) & ~3;
}

/** Headers and frames of the records, as views. Ends at the first that is malformed. */
export function readRecords(unit: Uint8Array): Uint8Array[] {
  const view = new DataView(unit.buffer, unit.byteOffset, unit.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at + RECORD_LENGTH_BYTES <= unit.length;) {
    const length = view.getUint32(at, true);
    const record = at + RECORD_LENGTH_BYTES;
    if (!checkRecord(length, unit.length - record)) break;
    records.push(unit.subarray(record, record + length));
    at += paddedRecordBytes(length);
  }
  return records;
}

/** One line for people: `2 records of 76, 1404 bytes`. */
export function describeDataUnit(unit: Uint8Array): string {
  const lengths = readRecords(unit).map((record) => record.length);
  return `${lengths.length} records of ${lengths.join(', ')} bytes`;
}
