/**
 * Sessions replaced many times while datagrams and streams pass between two pods: no datagram is lost by it. Needs
 * root and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataPathLab } from './data-path-lab.js';

const SET_UP_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 60_000;
const STREAM_PORT = 7001;
const ECHO_PORT = 7002;
const SWITCHES = 20;
/** With the stream's window, fewer frames than any queue on the way holds, so a loss is a router's. */
const ECHOES = { bytes: 700, atOnce: 16, quietMs: 3000 };
const STREAM_WINDOW = '4096 65536 131072';

describe.each([{ lanes: [1, 1] as const }, { lanes: [2, 2] as const }])(
  'keys switched again and again under load, with $lanes lanes,',
  ({ lanes }) => {
    const lab = new DataPathLab({ lanes });
    beforeAll(async () => {
      await lab.open();
      for (const { pod } of [lab.a, lab.b]) await pod.run('sysctl', ['-qw', `net.ipv4.tcp_rmem=${STREAM_WINDOW}`]);
    }, SET_UP_TIMEOUT_MS);
    afterAll(() => lab.close(), SET_UP_TIMEOUT_MS);

    it(
      'lose, repeat and damage no datagram, and no stream',
      async () => {
        const echoes = await lab.startEchoes(lab.a, lab.b, ECHO_PORT, ECHOES, '4');
        const streams = await lab.startStreams(lab.a, lab.b, STREAM_PORT, 2, '6');
        for (let i = 0; i < SWITCHES; i++) await lab.switchKeys();
        const [echoed, streamed] = [await echoes.finish(), await streams.finish()];
        const { sent } = echoed.sent;
        expect(sent).toBeGreaterThan(SWITCHES * ECHOES.atOnce);
        expect(echoed.sent).toEqual({ sent, returned: sent, repeated: 0, wrong: 0 });
        expect(echoed.received).toEqual({ received: sent, repeated: 0, wrong: 0 });
        expect(streamed.received).toEqual(streamed.sent);
        expect([await lab.refusals('a'), await lab.refusals('b')]).toEqual([{}, {}]);
      },
      TEST_TIMEOUT_MS,
    );
  },
);
