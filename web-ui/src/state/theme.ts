/** Theme, light or dark: the system's setting unless a person chose one. */
import { signal } from '@preact/signals';
import { readPreference, writePreference } from './preferences.js';
import type { Theme } from './preferences.js';

const systemDark = matchMedia('(prefers-color-scheme: dark)');

export const theme = signal<Theme>('light');

function chosenTheme(): Theme | null {
  const value = readPreference('theme');
  return value === 'light' || value === 'dark' ? value : null;
}

function apply(): void {
  theme.value = chosenTheme() ?? (systemDark.matches ? 'dark' : 'light');
  document.documentElement.dataset['theme'] = theme.value;
}

export function startTheme(): void {
  systemDark.addEventListener('change', apply);
  apply();
}

export function toggleTheme(): void {
  writePreference('theme', theme.value === 'dark' ? 'light' : 'dark');
  apply();
}
