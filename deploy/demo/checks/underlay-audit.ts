/**
 * Audit of the packets on the underlay. Expected are UDP between two nodes on our port, and neighbour discovery (ARP,
 * ICMPv6). Any other packet is a stranger. A packet with the marker, or with two pod addresses side by side, is a leak.
 */
import { ipFromBytes, ipToBytes, parseIpAddress } from '../../../common/address/ip-address.js';
import { MARKER, PING_PATTERN } from '../traffic/payload.js';
import type { CapturedPacket } from '../machine/pcap-reader.js';

export interface AuditRules {
  readonly nodeAddresses: readonly string[];
  readonly podAddresses: readonly string[];
  readonly port: number;
}

export interface AuditFindings {
  readonly packets: number;
  /** UDP between nodes on the port of Heddle, and its bytes on the wire. */
  readonly meshPackets: number;
  readonly meshBytes: number;
  readonly neighbourPackets: number;
  readonly strangers: number;
  readonly leaks: number;
  /** Descriptions of the first few strangers and leaks. */
  readonly examples: readonly string[];
}

type Kind = 'mesh' | 'neighbour' | 'stranger';

const ETHERNET_BYTES = 14;
const ETHERTYPE = { arp: 0x0806, ipv4: 0x0800, ipv6: 0x86dd } as const;
const PROTOCOL = { hopByHop: 0, udp: 17, icmpv6: 58 } as const;
const MAX_EXAMPLES = 5;

export class UnderlayAudit {
  #counts = { packets: 0, meshPackets: 0, meshBytes: 0, neighbourPackets: 0, strangers: 0, leaks: 0 };
  readonly #examples: string[] = [];
  readonly #nodes: ReadonlySet<string>;
  readonly #pods: PodAddressPairs;

  constructor(readonly rules: AuditRules) {
    this.#nodes = new Set(rules.nodeAddresses.map(parseIpAddress));
    this.#pods = new PodAddressPairs(rules.podAddresses);
  }

  record(packet: CapturedPacket): void {
    const counts = this.#counts;
    counts.packets++;
    const kind = this.#kindOf(packet.bytes);
    if (kind === 'mesh') {
      counts.meshPackets++;
      counts.meshBytes += packet.originalLength;
    } else if (kind === 'neighbour') counts.neighbourPackets++;
    else {
      counts.strangers++;
      this.#keep(`neither UDP ${this.rules.port} between nodes nor neighbour discovery`, packet);
    }
    const leak = this.#leakIn(packet.bytes);
    if (leak === null) return;
    counts.leaks++;
    this.#keep(leak, packet);
  }

  findings(): AuditFindings {
    return { ...this.#counts, examples: [...this.#examples] };
  }

  #kindOf(frame: Buffer): Kind {
    if (frame.length < ETHERNET_BYTES + 20) return 'stranger';
    const ethertype = frame.readUInt16BE(12);
    const ip = frame.subarray(ETHERNET_BYTES);
    if (ethertype === ETHERTYPE.arp) return 'neighbour';
    if (ethertype === ETHERTYPE.ipv4) {
      const headerBytes = (ip[0]! & 0x0f) * 4;
      const isWhole = (ip.readUInt16BE(6) & 0x3fff) === 0;
      return isWhole && ip[9] === PROTOCOL.udp
        ? this.#udpKind(ip.subarray(12, 16), ip.subarray(16, 20), ip, headerBytes)
        : 'stranger';
    }
    return ethertype === ETHERTYPE.ipv6 && ip.length >= 40 ? this.#ipv6Kind(ip) : 'stranger';
  }

  #ipv6Kind(ip: Buffer): Kind {
    const next = ip[6]!;
    // Multicast listener reports have a hop-by-hop header in front.
    if (next === PROTOCOL.icmpv6 || (next === PROTOCOL.hopByHop && ip[40] === PROTOCOL.icmpv6)) return 'neighbour';
    return next === PROTOCOL.udp ? this.#udpKind(ip.subarray(8, 24), ip.subarray(24, 40), ip, 40) : 'stranger';
  }

  #udpKind(source: Buffer, destination: Buffer, ip: Buffer, headerBytes: number): Kind {
    if (ip.length < headerBytes + 4) return 'stranger';
    const ports = [ip.readUInt16BE(headerBytes), ip.readUInt16BE(headerBytes + 2)];
    const betweenNodes = this.#nodes.has(ipFromBytes(source)) && this.#nodes.has(ipFromBytes(destination));
    return betweenNodes && ports.every((port) => port === this.rules.port) ? 'mesh' : 'stranger';
  }

  #leakIn(frame: Buffer): string | null {
    if (frame.includes(MARKER)) return 'payload of a pod in the clear';
    if (frame.includes(PING_PATTERN)) return 'payload of a ping in the clear';
    return this.#pods.foundIn(frame) ? 'IP header of a pod in the clear' : null;
  }

  #keep(what: string, packet: CapturedPacket): void {
    if (this.#examples.length < MAX_EXAMPLES) {
      this.#examples.push(`${what}: ${packet.originalLength} bytes, ${packet.bytes.subarray(0, 64).toString('hex')}`);
    }
  }
}

/** Search for two pod addresses side by side, as in an IP header. The odds of a chance match are below 2^-60. */
class PodAddressPairs {
  readonly #known: ReadonlySet<string>;
  /** Common first bytes of all addresses of a family, and the length of an address. */
  readonly #searches: readonly { readonly prefix: Buffer; readonly addressBytes: number }[];

  constructor(addresses: readonly string[]) {
    const all = addresses.map((address) => Buffer.from(ipToBytes(parseIpAddress(address))));
    this.#known = new Set(all.map((bytes) => bytes.toString('hex')));
    this.#searches = [4, 16].flatMap((addressBytes) => {
      const family = all.filter((bytes) => bytes.length === addressBytes);
      return family.length === 0 ? [] : [{ prefix: commonPrefix(family), addressBytes }];
    });
  }

  foundIn(frame: Buffer): boolean {
    return this.#searches.some(({ prefix, addressBytes }) => {
      for (let at = frame.indexOf(prefix); at >= 0; at = frame.indexOf(prefix, at + 1)) {
        const isKnown = (from: number): boolean => this.#known.has(frame.toString('hex', from, from + addressBytes));
        if (isKnown(at) && isKnown(at + addressBytes)) return true;
      }
      return false;
    });
  }
}

function commonPrefix(all: readonly Buffer[]): Buffer {
  const first = all[0]!;
  let length = 0;
  while (length < first.length && all.every((bytes) => bytes[length] === first[length])) length++;
  return first.subarray(0, Math.max(1, length));
}
