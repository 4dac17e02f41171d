/** Preferences of a person, kept in the browser's storage; without storage they last as long as the page. */

export type Theme = 'light' | 'dark';

const PREFIX = 'heddle.';

/** Null when not set, or not JSON. */
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
