/** Destination of `meshctl policy test`: POD[:port][/protocol], where POD is a name, namespace/name or an address. */

const MAX_PORT = 65_535;
/** An IPv6 address with a port is written in brackets; without, all that follows a colon belongs to it. */
const TARGET =
  /^(?:\[(?<bracketed>[^\]]+)\](?::(?<port6>\d+))?|(?<ip6>[^:/[]*:[^:/]*:[^/]*)|(?<plain>[^:[]+?)(?::(?<port4>\d+))?)(?:\/(?<protocol>tcp|udp|sctp))?$/i;

export interface PolicyTarget {
  readonly end: string;
  /** Null: a port that no rule names. */
  readonly port: number | null;
  /** In capitals. */
  readonly protocol: string;
}

/** Null for text that is none. */
export function readPolicyTarget(text: string): PolicyTarget | null {
  const { bracketed, ip6, plain, port6, port4, protocol = 'TCP' } = TARGET.exec(text)?.groups ?? {};
  const end = bracketed ?? ip6 ?? plain;
  const digits = port6 ?? port4;
  const port = digits === undefined ? null : Number(digits);
  if (end === undefined || (port !== null && (port < 1 || port > MAX_PORT))) return null;
  return { end, port, protocol: protocol.toUpperCase() };
}
