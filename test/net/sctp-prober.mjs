/**
 * SCTP end of a pod by raw sockets, since a kernel may have conntrack for SCTP without having SCTP (CONFIG_IP_SCTP). It answers INIT
 * on the ports given with INIT ACK, and asks others likewise. Needs root and python3.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const INIT_ENDS = `
import itertools, os, select, socket, struct, sys
PROTOCOL, INIT, INIT_ACK = 132, 1, 2
served, asked, number, unread = set(map(int, sys.argv[1:])), {}, itertools.count(), b''
ends = {f: socket.socket(f, socket.SOCK_RAW, PROTOCOL) for f in (socket.AF_INET, socket.AF_INET6)}
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8): crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
def send(family, host, source, port, tag, kind):
    chunk = struct.pack('!BBHIIHHI', kind, 0, 20, 7, 65536, 1, 1, 1)
    packet = struct.pack('!HHII', source, port, tag, 0) + chunk
    packet = packet[:8] + struct.pack('<I', crc32c(packet)) + packet[12:]
    try: ends[family].sendto(packet, (host, 0))
    except OSError: pass
print('ready', flush=True)
while True:
    for ready in select.select([0, *ends.values()], [], [])[0]:
        if ready == 0:
            read = os.read(0, 65536)
            if not read: sys.exit()
            *lines, unread = (unread + read).split(b'\\n')
            for line in lines:
                name, host, port = line.decode().split()
                source = 20000 + next(number) % 40000
                asked[source] = name
                send(socket.AF_INET6 if ':' in host else socket.AF_INET, host, source, int(port), 0, INIT)
            continue
        packet, (host, *_) = ready.recvfrom(999)
        if ready.family == socket.AF_INET: packet = packet[(packet[0] & 15) * 4:]
        source, port, _, _, kind = struct.unpack('!HHIIB', packet[:13])
        if kind == INIT and port in served:
            send(ready.family, host, port, source, struct.unpack('!I', packet[16:20])[0], INIT_ACK)
        if kind == INIT_ACK and port in asked: print(asked.pop(port), flush=True)
`;

/** Resolves to a function that asks a host and port, and calls back when INIT ACK comes. */
export async function openSctp(ports) {
  const program = spawn('python3', ['-c', INIT_ENDS, ...ports.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map();
  let count = 0;
  await new Promise((resolve) => {
    createInterface({ input: program.stdout }).on('line', (line) => {
      if (line === 'ready') resolve();
      waiting.get(line)?.();
      waiting.delete(line);
    });
  });
  return (host, port, onAnswer) => {
    const name = String(count++);
    waiting.set(name, onAnswer);
    program.stdin.write(`${name} ${host} ${port}\n`);
  };
}
