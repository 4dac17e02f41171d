/**
 * The alias of our bridge: `heddle/1|node|<state directory>`. It says whose the bridge is and where that node keeps its
 * files, to whoever finds it in the kernel and knows nothing else. Pure.
 */

const MARK = 'heddle/1|node|';
/** IFALIASZ less its terminator. */
const MAX_ALIAS_BYTES = 255;

/** Null when it would be too long for the kernel: then the bridge has no mark. */
export function bridgeMark(stateDir: string): string | null {
  const mark = MARK + stateDir;
  return Buffer.byteLength(mark) <= MAX_ALIAS_BYTES ? mark : null;
}

/** Null when the alias is no mark of ours. */
export function stateDirOfMark(alias: string): string | null {
  return alias.startsWith(`${MARK}/`) ? alias.slice(MARK.length) : null;
}
