/** What a person has chosen for this browser and finds again next time. A browser that forbids storage forgets. */

export type Theme = 'light' | 'dark';

const PREFIX = 'heddle.';

/** Null for what was never chosen, or is broken. */
export function readPreference(name: string): unknown {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? null : (JSON.parse(text) as unknown);
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof DOMException) return null;
    throw thrown;
  }
}

export function writePreference(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch (thrown) {
    if (!(thrown instanceof DOMException)) throw thrown;
  }
}
