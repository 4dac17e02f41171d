/** Short labels of nodes for the map: names without what all of them begin and end with. Pure. */

/** Names up to this length are shown whole. */
const FITS = 13;
const SEPARATOR = /[-._]/;

/** @returns label by name; `ip-10-0-1-2.eu-west-1.compute.internal` among its like becomes `1-2` */
export function labelsOf(names: readonly string[]): ReadonlyMap<string, string> {
  const whole = new Map(names.map((name) => [name, name]));
  if (whole.size < 2 || [...whole.keys()].every((name) => name.length <= FITS)) return whole;
  const head = atSeparator(commonStart(names)).length;
  const tail = atSeparator(commonStart(names.map(reversed))).length;
  return new Map(names.map((name) => [name, name.slice(head, name.length - tail) || name]));
}

/** Keeps both ends of a text that does not fit: they differ more often than the middle. */
export function shortenMiddle(text: string, length: number): string {
  if (text.length <= length) return text;
  const start = Math.floor((length - 1) / 2);
  return `${text.slice(0, start)}…${text.slice(text.length - (length - 1 - start))}`;
}

function commonStart(texts: readonly string[]): string {
  return texts.reduce((start, text) => {
    let same = 0;
    while (same < start.length && start[same] === text[same]) same += 1;
    return start.slice(0, same);
  });
}

/** Up to and with the last separator, so that numbers and words stay whole. */
function atSeparator(start: string): string {
  const at = [...start].findLastIndex((character) => SEPARATOR.test(character));
  return start.slice(0, at + 1);
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}
