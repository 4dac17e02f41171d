import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeMessage } from '../../common/codec/message-stream.js';
import { silentLogger } from '../../common/log.js';
import type { NodeId } from '../../common/node-id.js';
import { parseCidr } from '../../common/address/cidr.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import type { Relaying } from '../../common/router-port.js';
import type { RouterState } from './router-state.js';
import { FormerRouter, StateGiver } from './state-handover.js';

const peer = '0'.repeat(31).concat('1') as NodeId;
const key = (n: number) => new Uint8Array(32).fill(n);

function stateOf(changes: Partial<RouterState> = {}): RouterState {
  const session = {
    ...({ peer, localIndex: 7, remoteIndex: 8, cipher: 'aes-256-gcm', sendKey: key(1), receiveKey: key(2) } as const),
    ...{ active: true, confirmed: true, ageMs: 5, nextCounter: 9 },
    receiving: [{ lane: 0, highest: 3, unitsOpened: 4, datagramsOpened: 4 }],
  };
  const routes = [{ cidr: parseCidr('10.1.0.0/24'), peer }];
  return {
    ...{ version: 1, instance: 'former', lanes: [[session]] },
    tables: { generation: 3, localCidrs: [], localAddresses: [], routes },
    paths: [{ peer, endpoint: parseSocketAddress('192.0.2.1', 6785), mtuBytes: 1500, upForMs: 12 }],
    ...changes,
  };
}

describe('the state of a router', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-state-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function giver(name: string, state = stateOf()) {
    const path = join(folder, name);
    const retired = { times: 0, given: 0 };
    const end = new StateGiver(
      () => {
        retired.times++;
        return Promise.resolve(state);
      },
      () => retired.given++,
    );
    await end.listen(path);
    return { path, retired, close: () => end.close() };
  }

  it('is given to the next one, which alone has the keys then', async () => {
    const state = stateOf();
    const { path, retired, close } = await giver('given', state);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const former = await FormerRouter.find(path, silentLogger());
    expect(retired.times).toBe(0);
    expect(await former!.takeState(1)).toEqual(stateOf());
    expect(state.lanes[0]![0]).toMatchObject({ sendKey: key(0), receiveKey: key(0) });
    // The end of that connection ends the former router, whose state nobody else gets.
    const late = await FormerRouter.find(path, silentLogger());
    expect(await late!.takeState(1)).toBeNull();
    expect(retired).toEqual({ times: 1, given: 1 });
    close();
  });

  it('has the channels and pairs of relays, checked as commands of the agent', async () => {
    const channel = { channel: 7, token: new Uint8Array(8) };
    const ends = [1, 2].map((n) => ({ peer, receive: { ...channel, channel: n }, send: channel }));
    const relaying = {
      channels: [{ channel, peer, relay: peer, send: null }],
      pairs: [{ ends }],
    } as unknown as Relaying;
    const good = await giver('relaying', stateOf({ relaying }));
    expect((await (await FormerRouter.find(good.path, silentLogger()))!.takeState(1))!.relaying).toEqual(relaying);
    good.close();
    const short = { channels: [], pairs: [{ ends: ends.slice(1) }] } as unknown as Relaying;
    const bad = await giver('bad-relaying', stateOf({ relaying: short }));
    expect(await (await FormerRouter.find(bad.path, silentLogger()))!.takeState(1)).toBeNull();
    bad.close();
  });

  it('is asked for by its version only', async () => {
    const { path, retired, close } = await giver('version');
    const socket = connect(path);
    socket.write('retire 2');
    await once(socket, 'close');
    expect(retired).toEqual({ times: 0, given: 0 });
    close();
  });

  it.each([
    ['of another version', stateOf({ version: 2 })],
    ['of another number of lanes', stateOf({ lanes: [] })],
    ['with a path that no agent could send', stateOf({ paths: [{ peer } as never] })],
    [
      'with a key that is too short',
      stateOf({ lanes: [[{ ...stateOf().lanes[0]![0]!, sendKey: new Uint8Array(16) }]] }),
    ],
  ])('is not used %s', async (name, state) => {
    const { path, close } = await giver(name, state);
    const former = await FormerRouter.find(path, silentLogger());
    expect(await former!.takeState(1)).toBeNull();
    close();
  });

  it('is none where no router listens, where it ends, and where its message is cut off', async () => {
    expect(await FormerRouter.find(join(folder, 'none'), silentLogger())).toBeNull();
    for (const length of [0, 20]) {
      const path = join(folder, `cut-${length}`);
      const server = createServer((socket) =>
        socket.once('data', () => void socket.end(encodeMessage(stateOf()).subarray(0, length))),
      ).listen(path);
      await once(server, 'listening');
      const former = await FormerRouter.find(path, silentLogger());
      expect(await former!.takeState(1)).toBeNull();
      server.close();
    }
  });
});
