/**
 * Pod of the tests of network policies. Serves TCP, UDP and SCTP on the ports given, in both families. Reads lines of JSON: lists
 * of `{protocol, host, port, withinMs}`; writes for each list, as one line, whether each of them was answered in time. `keep` opens
 * a connection that stays, and `kept` tells whether it still carries something.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { openSctp } from './sctp-prober.mjs';

const ports = process.argv.slice(2).map(Number);
const kept = new Map();
/** TCP repeats its first packet by itself. */
const SCTP_REPEAT_MS = 1000;

for (const port of ports) {
  createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(port, '::');
  const udp = createSocket('udp6');
  udp.on('message', (message, from) => udp.send(message, from.port, from.address));
  udp.bind(port, '::');
}

const askSctp = await openSctp(ports);
const PROBES = { TCP: probeTcp, UDP: probeUdp, SCTP: probeSctp, keep, kept: askKept };

function probeTcp({ host, port, withinMs }) {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    end(
      resolve,
      withinMs,
      () => socket.destroy(),
      (answer) => {
        socket.on('connect', () => answer(true));
        socket.on('error', () => answer(false));
      },
    );
  });
}

function probeUdp({ host, port, withinMs }) {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    end(
      resolve,
      withinMs,
      () => socket.close(),
      (answer) => {
        socket.on('message', () => answer(true));
        socket.on('error', () => answer(false));
        socket.send('?', port, host);
      },
    );
  });
}

function probeSctp({ host, port, withinMs }) {
  return new Promise((resolve) => {
    const ask = (answer) => askSctp(host, port, () => answer(true));
    const asking = { timer: null };
    end(
      resolve,
      withinMs,
      () => clearInterval(asking.timer),
      (answer) => {
        ask(answer);
        asking.timer = setInterval(ask, SCTP_REPEAT_MS, answer);
      },
    );
  });
}

function keep({ host, port, withinMs }) {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    kept.set(`${host} ${port}`, socket);
    end(
      resolve,
      withinMs,
      () => undefined,
      (answer) => {
        socket.on('connect', () => answer(true));
        socket.on('error', () => answer(false));
      },
    );
  });
}

function askKept({ host, port, withinMs }) {
  return new Promise((resolve) => {
    const socket = kept.get(`${host} ${port}`);
    end(
      resolve,
      withinMs,
      () => socket.removeAllListeners('data'),
      (answer) => {
        socket.on('data', () => answer(true));
        socket.write('?');
      },
    );
  });
}

function end(resolve, withinMs, close, ask) {
  let isOver = false;
  const answer = (value) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    close();
    resolve(value);
  };
  const timer = setTimeout(() => answer(false), withinMs);
  ask(answer);
}

createInterface({ input: process.stdin }).on('line', (line) => {
  void Promise.all(JSON.parse(line).map((probe) => PROBES[probe.protocol](probe))).then((answers) =>
    process.stdout.write(`${JSON.stringify(answers)}\n`),
  );
});
process.stdout.write('"ready"\n');
