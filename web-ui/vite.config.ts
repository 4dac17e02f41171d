/** How the page is built: `npx vite build --config web-ui/vite.config.ts`, into `dist/web` unless `--outDir` says otherwise. */
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // The page has one chunk, and an inline polyfill would break its content security policy.
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
});
