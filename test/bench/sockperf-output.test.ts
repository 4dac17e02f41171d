import { describe, expect, it } from '@jest/globals';
import { parseRoundTrips } from './sockperf-output.js';

/** As sockperf 3.7 prints it, colours included. */
const OUTPUT = `sockperf: [Total Run] RunTime=1.001 sec; Warm up time=400 msec; SentMessages=14839; ReceivedMessages=14838
sockperf: [Valid Duration] RunTime=0.550 sec; SentMessages=7411; ReceivedMessages=7411
sockperf: \u001b[2;35m====> avg-rtt=74.172 (std-dev=61.571)\u001b[0m
sockperf: # dropped messages = 0; # duplicated messages = 0; # out-of-order messages = 0
sockperf: Summary: Round trip is 74.172 usec
sockperf: \u001b[2;35mTotal 7411 observations\u001b[0m; each percentile contains 74.11 observations
sockperf: ---> <MAX> observation = 4500.015
sockperf: ---> percentile 99.999 = 4500.015
sockperf: ---> percentile 99.900 =  390.055
sockperf: ---> percentile 99.000 =  128.469
sockperf: ---> percentile 90.000 =   98.435
sockperf: ---> percentile 50.000 =   76.142
sockperf: ---> <MIN> observation =   16.784
`;

describe('parseRoundTrips', () => {
  it('has the average and the percentiles', () => {
    expect(parseRoundTrips(OUTPUT)).toEqual({ averageUs: 74.172, p50Us: 76.142, p99Us: 128.469 });
  });

  it('refuses a run that stalled', () => {
    const stalled = OUTPUT.replace('Total 7411', 'Total 3');
    expect(() => parseRoundTrips(stalled)).toThrow('sockperf saw 3 round trips: expected at least 30');
  });

  it('repeats the error message of sockperf', () => {
    expect(() => parseRoundTrips("sockperf: ERROR: Can't connect (errno=111)\n")).toThrow("ERROR: Can't connect");
  });

  it('names the value that the output lacks', () => {
    expect(() => parseRoundTrips(OUTPUT.replace('99.000', '98.000'))).toThrow('no "percentile 99"');
  });
});
