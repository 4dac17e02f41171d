/**
 * Bundle of the simulator from the sources, made anew at each start (a tenth of a second). Without `real` cryptography the modules
 * in `fast/` take the place of those of the same name in the mesh core.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');
const FAST = {
  'mesh/noise/suite.ts': 'suite.ts',
  'mesh/wire/curve-keys.ts': 'curve-keys.ts',
  'mesh/wire/advert.ts': 'advert.ts',
  'mesh/wire/control-message.ts': 'control-message.ts',
  'common/wire/handshake-mac.ts': 'handshake-mac.ts',
  'mesh/cluster/member-maps.ts': 'member-maps.ts',
};

const fastModules = {
  name: 'fast-modules',
  setup({ onResolve }) {
    onResolve(
      { filter: /\/(suite|curve-keys|advert|control-message|handshake-mac|member-maps)\.js$/ },
      ({ path, resolveDir }) => {
        if (resolveDir === join(HERE, 'fast')) return undefined;
        const wanted = join(resolveDir, path.replace(/\.js$/, '.ts'));
        const fast = Object.entries(FAST).find(([real]) => join(ROOT, real) === wanted)?.[1];
        return fast === undefined ? undefined : { path: join(HERE, 'fast', fast) };
      },
    );
  },
};

/** @returns {Promise<string>} path of the program */
export async function bundle({ real }) {
  const outdir = join(ROOT, 'dist', real ? 'simulator-real' : 'simulator');
  mkdirSync(outdir, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: { main: join(HERE, 'main.ts') },
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: 'inline',
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
    plugins: real ? [] : [fastModules],
    logLevel: 'warning',
  });
  return join(outdir, 'main.js');
}
