/**
 * Handshake patterns as tables (Noise revision 34, sections 7.4, 7.5 and 9, and the deferred patterns of the public
 * test vectors). A name is a pattern and its PSK modifiers: `XX`, `XXpsk3`, `IKpsk0+psk2`.
 */
import { assert } from '../../common/errors.js';

export type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';

export interface Pattern {
  /** Whether each side's static key is known to the other beforehand. */
  readonly preInitiator: boolean;
  readonly preResponder: boolean;
  /** Messages in turn, the initiator's first. */
  readonly messages: readonly (readonly Token[])[];
  readonly hasPsk: boolean;
}

/** Pre-messages (`i`, `r`) and messages, separated by `|`. */
const PATTERNS: Readonly<Record<string, string>> = {
  N: 'r|e es',
  K: 'ir|e es ss',
  X: 'r|e es s ss',
  NN: '|e|e ee',
  NK: 'r|e es|e ee',
  NX: '|e|e ee s es',
  KN: 'i|e|e ee se',
  KK: 'ir|e es ss|e ee se',
  KX: 'i|e|e ee se s es',
  XN: '|e|e ee|s se',
  XK: 'r|e es|e ee|s se',
  XX: '|e|e ee s es|s se',
  IN: '|e s|e ee se',
  IK: 'r|e es s ss|e ee se',
  IX: '|e s|e ee se s es',
  XK1: 'r|e|e ee es|s se',
  KK1: 'ir|e|e ee se es',
};

/** Parses a pattern name with its modifiers, which must be in the table. */
export function patternOf(name: string): Pattern {
  const match = /^([A-Z0-9]+)((?:psk\d(?:\+psk\d)*)?)$/.exec(name);
  const row = match?.[1] === undefined ? undefined : PATTERNS[match[1]];
  assert(match !== null && row !== undefined, `"${name}" is a known Noise pattern`);
  const [pre = '', ...rest] = row.split('|');
  const messages = rest.map((message) => message.split(' ') as Token[]);
  const psks = [...(match[2] ?? '').matchAll(/psk(\d)/g)].map((psk) => Number(psk[1]));
  for (const at of psks) addPsk(messages, at);
  return {
    preInitiator: pre.includes('i'),
    preResponder: pre.includes('r'),
    messages,
    hasPsk: psks.length > 0,
  };
}

/** `psk0` goes in front of the first message, `pskN` behind message N (section 9.4). */
function addPsk(messages: Token[][], at: number): void {
  const message = messages[Math.max(0, at - 1)];
  assert(message !== undefined, `psk${at} belongs to a message of the pattern`);
  if (at === 0) message.unshift('psk');
  else message.push('psk');
}
