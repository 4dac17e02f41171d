// Build of every program into dist/, one bundle each, so that a start reads one file instead of hundreds. koffi is not
// bundled, since it has a native library. Compiles the static CNI relay where a C compiler is, and builds the web UI.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const entries = {
  meshd: 'supervisor/meshd.ts',
  agent: 'agent/agent-main.ts',
  router: 'router/process/router-main.ts',
  // The same under another name, by which programs tell it from the router that forwards.
  'stand-by': 'router/process/router-main.ts',
  'run-router': 'router/process/run-router.ts',
  'router-worker': 'router/process/router-worker.ts',
  meshctl: 'cli/meshctl.ts',
  demo: 'deploy/demo/main.ts',
  bench: 'test/bench/main.ts',
  'bench-crowd': 'test/bench/crowd/main.ts',
  'bench-agents': 'test/bench/agents/main.ts',
  'bench-cni': 'test/bench/cni/main.ts',
  'bench-restart': 'test/bench/restart/main.ts',
  'bench-policy': 'test/bench/policy/main.ts',
  'bench-core': 'test/bench/core/main.ts',
  crowd: 'test/crowd/main.ts',
  'bare-node': 'test/net/bare-node.ts',
  'hostile-member': 'test/net/hostile-main.ts',
  replay: 'test/net/replay.ts',
  'api-server': 'test/net/api-server.ts',
  confined: 'test/net/confined.ts',
  rooms: 'test/architecture/picture.ts',
  manifests: 'deploy/kubernetes/main.ts',
};
const executables = ['meshd', 'meshctl'];
// CommonJS packages inside an ESM bundle need `require`.
const requireBanner =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

const programs = Object.fromEntries(Object.entries(entries).filter(([, source]) => existsSync(join(root, source))));
mkdirSync(dist, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: programs,
  outdir: dist,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // `router.js` loads `run-router.js` after it has started its threads: in one file, all packages would be loaded before.
  external: ['koffi', 'typescript', './run-router.js'],
  banner: { js: requireBanner },
  logLevel: 'warning',
});
await build({
  absWorkingDir: root,
  entryPoints: { 'heddle-cni': 'cni/relay/heddle-cni.ts' },
  outdir: dist,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  banner: { js: '#!/usr/bin/env node' },
  logLevel: 'warning',
});
chmodSync(join(dist, 'heddle-cni.js'), 0o755);
for (const name of executables) if (name in programs) chmodSync(join(dist, `${name}.js`), 0o755);
compileRelay();
if (existsSync(join(root, 'web-ui/vite.config.ts'))) {
  const { build: buildPage } = await import('vite');
  await buildPage({ root: join(root, 'web-ui'), configFile: join(root, 'web-ui/vite.config.ts'), logLevel: 'warn' });
}

/** The static relay is for hosts without Node. Without a compiler only the relay for Node is built. */
function compileRelay() {
  const out = join(dist, 'heddle-cni');
  rmSync(out, { force: true });
  const compiler = ['cc', 'gcc', 'clang'].find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (compiler === undefined) return;
  try {
    execFileSync(compiler, ['-static', '-Os', '-s', '-o', out, join(root, 'cni/relay/heddle-cni.c')], {
      stdio: 'pipe',
    });
  } catch (error) {
    console.warn(
      `the static CNI relay was not built (${compiler}): ${error.stderr?.toString().trim() ?? error.message}`,
    );
  }
}
