/**
 * Sends garbage datagrams: `node garbage.mjs ADDRESS PORT COUNT`. Every length from nothing to more than an MTU, every
 * type byte; half of them dressed as one of the protocol's own types, with few and absurd fragment counts.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

const [address, port, count] = process.argv.slice(2);
const PROTOCOL_TYPES = 8;
const MAX_BYTES = 2000;
const BURST = 200;

const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');

function garbage(i) {
  const bytes = randomBytes((i * 7) % MAX_BYTES);
  if (i % 2 === 0 && bytes.length > 4) {
    bytes[0] = 1 + (i % PROTOCOL_TYPES);
    bytes[1] = i % 4 === 0 ? 0 : bytes[1];
    bytes[2] = i % 3 === 0 ? 0 : bytes[2];
    bytes[3] = i % 5 === 0 ? 255 : bytes[3];
  }
  return bytes;
}

for (let i = 0; i < Number(count); i += BURST) {
  const burst = Array.from({ length: Math.min(BURST, Number(count) - i) }, (_, j) => garbage(i + j));
  await Promise.all(burst.map((bytes) => new Promise((sent) => socket.send(bytes, Number(port), address, sent))));
}
socket.close();
