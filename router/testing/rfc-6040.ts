/** Tables of RFC 3168 and RFC 6040 about the ECN field, written as they are printed there. */

/** The ECN field, RFC 3168, 5. */
export const MARKS = { notEct: 0, ect1: 1, ect0: 2, ce: 3 } as const;
export type Mark = keyof typeof MARKS;
const NAMES = Object.keys(MARKS) as Mark[];

/** RFC 6040, figure 4: the mark that the frame gets, by its own mark and that of its datagram. */
export const RFC_6040: Record<Mark, Record<Mark, Mark | 'drop'>> = {
  notEct: { notEct: 'notEct', ect0: 'notEct', ect1: 'notEct', ce: 'drop' },
  ect0: { notEct: 'ect0', ect0: 'ect0', ect1: 'ect1', ce: 'ce' },
  ect1: { notEct: 'ect1', ect0: 'ect1', ect1: 'ect1', ce: 'ce' },
  ce: { notEct: 'ce', ect0: 'ce', ect1: 'ce', ce: 'ce' },
};
export const MARK_PAIRS = NAMES.flatMap((inner) => NAMES.map((outer) => [inner, outer] as const));
