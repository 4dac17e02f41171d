/**
 * Program that sends recorded datagrams again: `node dist/replay.js PORT`, with lines `SOURCE DESTINATION HEX` on standard input,
 * each from its source and PORT to its destination and PORT. It writes how many they were.
 */
import type { Socket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { forgedSocket } from './forged-source.js';

const port = Number(process.argv[2]);
/** By source. */
const sockets = new Map<string, Socket>();

async function socketOf(source: string): Promise<Socket> {
  const socket = sockets.get(source) ?? (await forgedSocket(source, port));
  sockets.set(source, socket);
  return socket;
}

let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const [source, destination, hex] = line.split(' ') as [string, string, string];
  const socket = await socketOf(source);
  await new Promise((sent) => socket.send(Buffer.from(hex, 'hex'), port, destination, sent));
  count++;
}
for (const socket of sockets.values()) socket.close();
process.stdout.write(`${count}\n`);
