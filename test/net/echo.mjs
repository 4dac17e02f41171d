/**
 * Server and client over UDP and TCP that tell which address the other saw, one line of JSON each.
 *
 *   echo.mjs serve PORT [ADDRESS]           answers every datagram and connection with the sender's address
 *   echo.mjs ask (udp|tcp HOST PORT MS)...  {"seen": address} or {"error": code, "ms"} for each; SILENCE after so many ms
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/** The kernel sends one ICMP error a second to one host; TCP asks again after 1, 3 and 7 s. */
const PATIENCE_MS = 10_000;
const ARGUMENTS_OF_ASK = 4;
const [, , command, ...args] = process.argv;
const plain = (address) => address.replace(/^::ffff:/, '');

if (command === 'serve') serve(Number(args[0]), args[1] ?? '::');
else {
  const asked = Array.from({ length: Math.ceil(args.length / ARGUMENTS_OF_ASK) }, (_, i) =>
    ask(...args.slice(i * ARGUMENTS_OF_ASK, (i + 1) * ARGUMENTS_OF_ASK)),
  );
  for (const outcome of await Promise.all(asked)) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  process.exit(0);
}

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

function ask(protocol, host, port, patienceMs = PATIENCE_MS) {
  const startedMs = performance.now();
  return new Promise((tell) => {
    const fail = ({ code }) => tell({ error: code, ms: Math.round(performance.now() - startedMs) });
    setTimeout(() => fail({ code: 'SILENCE' }), Number(patienceMs));
    if (protocol === 'udp') {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      socket.on('error', fail).on('message', (text) => tell({ seen: text.toString() }));
      socket.connect(Number(port), host, () => socket.send('?'));
      return;
    }
    const socket = connect(Number(port), host);
    socket.on('error', fail).on('data', (text) => tell({ seen: text.toString() }));
  });
}
