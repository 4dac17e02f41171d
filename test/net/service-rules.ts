/** Rules of a node for Services, with the chains, marks and masquerading that kube-proxy writes, for nft and for iptables. */

export type RuleStyle = 'nft' | 'iptables';

export interface Service {
  readonly clusterIp: string;
  readonly port: number;
  readonly backend: string;
  readonly backendPort: number;
  /** Reached also at every address of the node by this port; 0: not. */
  readonly nodePort: number;
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
        : [
            `fib daddr type local ${protocol} dport ${nodePort} meta mark set mark or 0x4000`,
            `fib daddr type local ${protocol} dport ${nodePort} dnat to ${target}`,
          ]),
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
  const rules = services.flatMap(({ clusterIp, port, backend, backendPort, nodePort }) => {
    const target = family === '4' ? `${backend}:${backendPort}` : `[${backend}]:${backendPort}`;
    return ['tcp', 'udp'].flatMap((protocol) => {
      const dnat = `-p ${protocol} -j DNAT --to-destination ${target}`;
      const cluster = `-A KUBE-SERVICES -d ${clusterIp}/${bits} -p ${protocol} --dport ${port}`;
      const node = `-A KUBE-SERVICES -m addrtype --dst-type LOCAL -p ${protocol} --dport ${nodePort}`;
      return [
        `${cluster} -s ${backend}/${bits} -j KUBE-MARK-MASQ`,
        `${cluster} ${dnat.replace(`-p ${protocol} `, '')}`,
        ...(nodePort === 0 ? [] : [`${node} -j KUBE-MARK-MASQ`, `${node} ${dnat.replace(`-p ${protocol} `, '')}`]),
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
