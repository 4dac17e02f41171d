import { describe, expect, it } from '@jest/globals';
import { parseTcpOutput, parseUdpOutput } from './iperf-output.js';

/** As iperf 3.12 prints them, shortened. */
const TCP = {
  start: { test_start: { protocol: 'TCP', omit: 2, duration: 2 } },
  intervals: [
    { sum: { seconds: 1.0, bytes: 100_000_000, omitted: true } },
    { sum: { seconds: 1.0, bytes: 267_124_736, omitted: false } },
    { sum: { seconds: 1.0, bytes: 368_443_392, omitted: false } },
  ],
  end: {
    sum_sent: { bits_per_second: 2535552031.3, retransmits: 5822 },
    sum_received: { bits_per_second: 2535473639.4 },
  },
};
const UDP = {
  intervals: [],
  end: { sum: { seconds: 2, bytes: 10_678_400, lost_packets: 4445, packets: 166_845 } },
};

describe('parseTcpOutput', () => {
  it('has the rate that was received and all bytes, those of the warm-up too', () => {
    expect(parseTcpOutput(JSON.stringify(TCP))).toEqual({ gbps: 2.5354736394, gigabytes: 0.735568128 });
  });

  it('repeats the error message of iperf3', () => {
    const text = JSON.stringify({ start: {}, intervals: [], end: {}, error: 'unable to connect to server: refused' });
    expect(() => parseTcpOutput(text)).toThrow('iperf3: unable to connect to server: refused');
  });

  it.each([
    ['', 'did not print a report'],
    ['null', 'no list intervals'],
    [JSON.stringify({ intervals: [], end: {} }), 'no number end.sum_received.bits_per_second'],
    [JSON.stringify({ intervals: [null], end: TCP.end }), 'no number sum.bytes'],
  ])('refuses %j and says what it lacks', (text, reason) => {
    expect(() => parseTcpOutput(text)).toThrow(reason);
  });
});

describe('parseUdpOutput', () => {
  it('counts the datagrams that arrived', () => {
    expect(parseUdpOutput(JSON.stringify(UDP))).toEqual({ receivedKpps: 81.2 });
  });

  it('refuses the report of another protocol', () => {
    expect(() => parseUdpOutput(JSON.stringify(TCP))).toThrow('no number end.sum.packets');
  });
});
