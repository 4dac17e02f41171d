/** Check for a listening socket, from the text of `/proc/net/tcp` or `/proc/net/udp` (proc(5)). Pure. */

/** TCP_LISTEN, and TCP_CLOSE as which an unconnected UDP socket is listed. */
const WAITING_STATES = ['0A', '07'];

export function isWaited(table: string, port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').some((line) => {
    const [, address = '', , state = ''] = line.trim().split(/\s+/);
    return address.endsWith(local) && WAITING_STATES.includes(state);
  });
}
