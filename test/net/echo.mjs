/**
 * Server and client over UDP and TCP that tell which address the other saw, one line of JSON each.
 *
 *   echo.mjs serve PORT [ADDRESS]           answers every datagram and connection with the sender's address
 *   echo.mjs ask udp|tcp HOST PORT          {"seen": address} or {"error": code, "ms"}
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/** The kernel sends one ICMP error a second to one host; TCP asks again after 1, 3 and 7 s. */
const PATIENCE_MS = 10_000;
const [, , command, ...args] = process.argv;
const plain = (address) => address.replace(/^::ffff:/, '');

if (command === 'serve') serve(Number(args[0]), args[1] ?? '::');
else ask(args[0], args[1], Number(args[2]));

function serve(port, address) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (_, from) => socket.send(plain(from.address), from.port, from.address));
  socket.bind(port, address, () => {
    createServer((peer) => {
      peer.on('error', () => peer.destroy());
      peer.end(plain(peer.remoteAddress));
    }).listen(port, address, () => process.stdout.write('ready\n'));
  });
}

function ask(protocol, host, port) {
  const startedMs = performance.now();
  const tell = (outcome) => {
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
    process.exit(0);
  };
  const fail = ({ code }) => tell({ error: code, ms: Math.round(performance.now() - startedMs) });
  setTimeout(() => fail({ code: 'SILENCE' }), PATIENCE_MS);
  if (protocol === 'udp') {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', fail).on('message', (text) => tell({ seen: text.toString() }));
    socket.connect(port, host, () => socket.send('?'));
    return;
  }
  const socket = connect(port, host);
  socket.on('error', fail).on('data', (text) => tell({ seen: text.toString() }));
}
