/** Interpreter of the table's model: what the kernel is to do with the first packet of a flow that it forwards. */
import { ipFamily, ipToBigInt, parseIpAddress } from '../../common/address/ip-address.js';
import type { Flow } from '../decision.js';
import { SELF_SETS } from '../table/table-model.js';
import type { PolicyTable, TableChain, TableRule } from '../table/table-model.js';

export function tableAllows(table: PolicyTable, flow: Flow): boolean {
  const family = ipFamily(flow.source);
  const chains = [
    table.verdicts[`egress${family}`].get(flow.source),
    table.verdicts[`ingress${family}`].get(flow.destination),
  ];
  return chains.every((name) => name === undefined || chainAllows(table, table.chains.get(name)!, flow));
}

function chainAllows(table: PolicyTable, chain: TableChain, flow: Flow): boolean {
  if (holds(table, SELF_SETS[chain.family], `${flow.source} . ${flow.destination}`)) return true;
  const verdict = chain.rules.find((rule) => matches(table, rule, chain, flow))?.verdict;
  if (verdict === 'Accept' || verdict === 'Deny') return verdict === 'Accept';
  return chain.next === null ? chain.counter === null : chainAllows(table, table.chains.get(chain.next)!, flow);
}

function matches(table: PolicyTable, { peers, ports }: TableRule, { direction }: TableChain, flow: Flow): boolean {
  const peer = direction === 'ingress' ? flow.source : flow.destination;
  if (peers !== null && !holds(table, peers, peer)) return false;
  if (ports === null) return true;
  if (ports.protocol !== flow.protocol) return false;
  if (ports.set === null) return true;
  return holds(table, ports.set, ports.isNamed ? `${flow.destination} . ${flow.port}` : String(flow.port));
}

function holds(table: PolicyTable, name: string, value: string): boolean {
  const { elements, isInterval } = table.sets.get(name)!;
  if (!isInterval) return elements.has(value);
  return [...elements].some((element) => {
    const [first = '', last = first] = element.split('-');
    return numberOf(first) <= numberOf(value) && numberOf(value) <= numberOf(last);
  });
}

function numberOf(text: string): bigint {
  return /^\d+$/.test(text) ? BigInt(text) : ipToBigInt(parseIpAddress(text));
}
