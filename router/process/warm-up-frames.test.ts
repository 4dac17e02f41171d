import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { Arena } from '../kernel/arena.js';
import { createParsedFrame, ETHERNET_BYTES, FRAME_IPV4, FRAME_IPV6, parseFrame } from '../packet/frame.js';
import { VIRTIO_NET_HDR_BYTES } from '../kernel/linux-abi.js';
import { checkVirtioHeader } from '../packet/virtio-net-header.js';
import { warmUpBursts } from './warm-up-frames.js';

const AT = 2;

describe('warmUpBursts', () => {
  const addresses = ['192.0.2.1', '2001:db8::1'].map(parseIpAddress);
  const records = warmUpBursts(addresses, [parseIpAddress('203.0.113.1')]).flat();
  const arena = new Arena(1 << 17);

  function kindOf(record: Uint8Array): number {
    arena.u8.set(record, AT);
    const frame = AT + VIRTIO_NET_HDR_BYTES;
    return parseFrame(arena, frame, record.length - VIRTIO_NET_HDR_BYTES, createParsedFrame());
  }

  it('has frames of both families, and no others', () => {
    expect(new Set(records.map(kindOf))).toEqual(new Set([FRAME_IPV4, FRAME_IPV6]));
  });

  it('has virtio headers that agree with their frames', () => {
    const l3 = AT + VIRTIO_NET_HDR_BYTES + ETHERNET_BYTES;
    const agrees = (record: Uint8Array): boolean => {
      const kind = kindOf(record);
      const frame = AT + VIRTIO_NET_HDR_BYTES;
      const bytes = record.length - VIRTIO_NET_HDR_BYTES;
      return checkVirtioHeader(arena.u8, AT, frame, bytes, l3, kind === FRAME_IPV6);
    };
    expect(records.filter((record) => !agrees(record))).toEqual([]);
  });

  it('has super-frames of both families, to be cut by a device', () => {
    const isCut = (record: Uint8Array): boolean => record[1] !== 0;
    expect(new Set(records.filter(isCut).map(kindOf))).toEqual(new Set([FRAME_IPV4, FRAME_IPV6]));
  });
});
