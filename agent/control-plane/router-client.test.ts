import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../common/log.js';
import { encodeMessage, MessageDecoder } from '../../common/codec/message-stream.js';
import { ROUTER_PORT_VERSION } from '../../common/router-port.js';
import type { RouterCommand } from '../../common/router-port.js';
import { NoticeLog } from '../../common/notice-log.js';
import { RouterClient } from './router-client.js';
import type { RouterStreamListener } from './router-socket.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';

const path = { peer: 'ab'.repeat(16), endpoint: { ip: '192.0.2.1', port: 6785 }, mtuBytes: 1500 };
const hello = {
  type: 'hello',
  version: ROUTER_PORT_VERSION,
  instance: 'r1',
  ciphers: ['aes-256-gcm'],
  tapName: 'heddle-tap',
  generation: 3,
  paths: [],
  sessions: [],
};
const tables: RouterCommand = {
  type: 'tables',
  tables: { generation: 4, localCidrs: [], localAddresses: [], routes: [] },
};

class FakeRouter {
  readonly connections: { listener: RouterStreamListener; commands: unknown[]; closed: boolean; queued: number }[] = [];

  get last() {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new TypeError('nobody connected');
    return connection;
  }

  say(message: unknown): void {
    this.last.listener.onBytes(encodeMessage(message));
  }

  readonly open = (listener: RouterStreamListener) => {
    const decoder = new MessageDecoder(1 << 20);
    const connection = { listener, commands: [] as unknown[], closed: false, queued: 0 };
    this.connections.push(connection);
    return {
      write: (bytes: Uint8Array, handedOver?: () => void) => {
        connection.commands.push(...decoder.push(bytes));
        handedOver?.();
      },
      get queuedBytes() {
        return connection.queued;
      },
      end: () => connection.listener.onClose('ended'),
      close: () => {
        connection.closed = true;
      },
    };
  };
}

function harness() {
  const clock = new VirtualClock();
  const router = new FakeRouter();
  const seen: string[] = [];
  const client = new RouterClient({
    open: router.open,
    clock,
    notices: new NoticeLog(silentLogger(), clock),
    onHello: ({ instance }) => seen.push(`hello ${instance}`),
    onReport: ({ type }) => seen.push(type),
    onDisconnected: () => seen.push('disconnected'),
  });
  return { clock, router, seen, client };
}

describe('RouterClient', () => {
  it('is connected once the router has said hello, and not before', () => {
    const { router, seen, client } = harness();
    client.start();
    expect(client.send(tables)).toBe(false);
    router.say(hello);
    expect(seen).toEqual(['hello r1']);
    expect(client.router?.generation).toBe(3);
    expect(client.send(tables)).toBe(true);
    expect(router.last.commands).toEqual([tables]);
  });

  it('tells when the kernel has taken a command', async () => {
    const { router, client } = harness();
    client.start();
    expect(await client.sendConfirmed(tables)).toBe(false);
    router.say(hello);
    expect(await client.sendConfirmed(tables)).toBe(true);
  });

  it('comes back by itself when the router restarts, backing off to a second', () => {
    const { clock, router, seen, client } = harness();
    client.start();
    router.say(hello);
    router.last.listener.onClose('gone');
    expect(seen).toEqual(['hello r1', 'disconnected']);
    for (let i = 0; i < 8; i++) {
      clock.advance(1_000);
      router.last.listener.onClose('connect ECONNREFUSED');
    }
    expect(router.connections).toHaveLength(9);
    clock.advance(1_000);
    router.say({ ...hello, instance: 'r2' });
    expect(seen).toEqual(['hello r1', 'disconnected', 'hello r2']);
  });

  it.each([
    ['a message before hello', { type: 'sessionWanted', peer: 'ab'.repeat(16) }],
    ['another version of the port', { ...hello, version: ROUTER_PORT_VERSION + 1 }],
    ['an unknown message', { type: 'gossip' }],
    ['a malformed message', { ...hello, generation: 'three' }],
    ['an address that names an interface', { ...hello, paths: [{ ...path, local: 'fe80::1%eth0' }] }],
    ['an address that is a name', { ...hello, paths: [{ ...path, local: 'localhost' }] }],
    ['a value that is no message', 42],
    ['a type that every object has', { type: 'toString' }],
  ])('drops the connection on %s', (_, message) => {
    const { router, client } = harness();
    client.start();
    router.say(message);
    expect(router.last.closed).toBe(true);
    expect(client.router).toBeNull();
  });

  it('drops the connection on bytes that are no message stream', () => {
    const { router, client } = harness();
    client.start();
    router.last.listener.onBytes(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(router.last.closed).toBe(true);
  });

  it('gives up on a router that says no hello', () => {
    const { clock, router, client } = harness();
    client.start();
    clock.advance(5_000);
    expect(router.connections[0]?.closed).toBe(true);
    clock.advance(50);
    expect(router.connections).toHaveLength(2);
  });

  it('drops a router that does not read, instead of queueing without end', () => {
    const { router, seen, client } = harness();
    client.start();
    router.say(hello);
    router.last.queued = 17 << 20;
    client.send(tables);
    expect(router.last.closed).toBe(true);
    expect(seen).toEqual(['hello r1', 'disconnected']);
  });

  it('ignores what a dropped connection still delivers', () => {
    const { router, seen, client } = harness();
    client.start();
    router.say(42);
    router.say(hello);
    expect(seen).toEqual([]);
  });

  it('stays away after stop', async () => {
    const { clock, router, client } = harness();
    client.start();
    router.say(hello);
    await client.stop();
    clock.advance(60_000);
    expect(router.connections).toHaveLength(1);
  });
});
