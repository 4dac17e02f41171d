/** Rules of a node for Services, with the chains, marks and masquerading that kube-proxy writes, for nft and for iptables. */

export type RuleStyle = 'nft' | 'iptables';

export interface Service {
  readonly clusterIp: string;
  readonly port: number;
  readonly backend: string;
  readonly backendPort: number;
  /** Reached also at every address of the node by this port; 0: not. */
  readonly nodePort: number;
  /** `externalTrafficPolicy: Local`: by the port only from a backend of the node, else not at all from outside. */
  readonly local?: { readonly hasBackend: boolean; readonly clusterCidr: string };
}

/** Program, arguments and input that put the rules of one family in force. */
export function serviceRules(style: RuleStyle, family: '4' | '6', services: readonly Service[]) {
  const input = style === 'nft' ? nftRules(family, services) : iptablesRules(family, services);
  const program = style === 'nft' ? 'nft' : family === '4' ? 'iptables-nft-restore' : 'ip6tables-nft-restore';
  return { program, args: style === 'nft' ? ['-f', '-'] : [], input };
}

function nftRules(family: '4' | '6', services: readonly Service[]): string {
  const ip = family === '4' ? 'ip' : 'ip6';
  const table = `${ip} kube-proxy`;
  const rules = services.flatMap((service) => {
    const { clusterIp, port, backend, backendPort, nodePort } = service;
    const target = family === '4' ? `${backend}:${backendPort}` : `[${backend}]:${backendPort}`;
    return ['tcp', 'udp'].flatMap((protocol) => [
      `${ip} saddr ${backend} ${ip} daddr ${clusterIp} ${protocol} dport ${port} meta mark set mark or 0x4000`,
      `${ip} daddr ${clusterIp} ${protocol} dport ${port} dnat to ${target}`,
      ...(nodePort === 0
        ? []
        : nodePortRules(service.local, {
            match: `fib daddr type local ${protocol} dport ${nodePort}`,
            fromPods: (cidr) => `${ip} saddr ${cidr}`,
            fromNode: 'fib saddr type local',
            mark: 'meta mark set mark or 0x4000',
            dnat: `dnat to ${target}`,
            refuse: 'return',
          })),
    ]);
  });
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    `chain services {\n${rules.join('\n')}\n}`,
    'chain prerouting {\ntype nat hook prerouting priority dstnat\njump services\n}',
    'chain output {\ntype nat hook output priority -100\njump services\n}',
    'chain postrouting {\ntype nat hook postrouting priority srcnat',
    'mark and 0x4000 == 0 return\nmeta mark set mark xor 0x4000\nmasquerade fully-random\n}',
    '}\n',
  ].join('\n');
}

function iptablesRules(family: '4' | '6', services: readonly Service[]): string {
  const bits = family === '4' ? 32 : 128;
  const rules = services.flatMap(({ clusterIp, port, backend, backendPort, nodePort, local }) => {
    const target = family === '4' ? `${backend}:${backendPort}` : `[${backend}]:${backendPort}`;
    const dnat = `-j DNAT --to-destination ${target}`;
    return ['tcp', 'udp'].flatMap((protocol) => {
      const cluster = `-A KUBE-SERVICES -d ${clusterIp}/${bits} -p ${protocol} --dport ${port}`;
      const nodePortOnly = nodePortRules(local, {
        match: `-A KUBE-SERVICES -m addrtype --dst-type LOCAL -p ${protocol} --dport ${nodePort}`,
        fromPods: (cidr) => `-s ${cidr}`,
        fromNode: '-m addrtype --src-type LOCAL',
        mark: '-j KUBE-MARK-MASQ',
        dnat,
        refuse: '-j RETURN',
      });
      return [
        `${cluster} -s ${backend}/${bits} -j KUBE-MARK-MASQ`,
        `${cluster} ${dnat}`,
        ...(nodePort === 0 ? [] : nodePortOnly),
      ];
    });
  });
  return [
    '*nat',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-MARK-MASQ - [0:0]',
    ':KUBE-POSTROUTING - [0:0]',
    '-A PREROUTING -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-SERVICES',
    '-A POSTROUTING -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
    ...rules,
    'COMMIT\n',
  ].join('\n');
}

/** The parts of rules for a port of the node, in the words of one rule set. */
interface NodePortWords {
  readonly match: string;
  readonly fromPods: (clusterCidr: string) => string;
  readonly fromNode: string;
  readonly mark: string;
  readonly dnat: string;
  readonly refuse: string;
}

/**
 * With `externalTrafficPolicy: Local` pods and the node reach every backend, as by the cluster IP, the node with its own
 * address; others reach a backend of this node with theirs, or nothing. kube-proxy then drops in a chain of its own; here the node
 * itself refuses, which a client hears at once.
 */
function nodePortRules(local: Service['local'], words: NodePortWords): string[] {
  const { match, fromPods, fromNode, mark, dnat, refuse } = words;
  if (local === undefined) return [`${match} ${mark}`, `${match} ${dnat}`];
  return [
    `${match} ${fromPods(local.clusterCidr)} ${dnat}`,
    `${match} ${fromNode} ${mark}`,
    `${match} ${fromNode} ${dnat}`,
    `${match} ${local.hasBackend ? dnat : refuse}`,
  ];
}
