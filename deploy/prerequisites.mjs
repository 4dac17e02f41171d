/**
 * Prerequisites of a fresh clone: platform, npm packages, build, system tools, and permission to make network namespaces.
 * Shared by `npm run demo`, `npm test` and `npm run bench`. Plain JavaScript with Node's own modules only, since it runs
 * before `node_modules` exists and on any version of Node. Prints on standard error only. Every function fulfils its
 * condition or throws {@link PrerequisiteError} with what to do; {@link runMain} prints that.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

const MINIMUM_NODE = [20, 19];
const ARCHITECTURES = ['x64', 'arm64'];
/** Programs of a node in `dist/`. */
export const NODE_PROGRAMS = [
  'meshd.js',
  'agent.js',
  'router.js',
  'stand-by.js',
  'run-router.js',
  'router-worker.js',
  'meshctl.js',
  'heddle-cni.js',
];
const OUTPUTS = [...NODE_PROGRAMS, 'demo.js'];
const SOURCES = [
  ...['common', 'router', 'mesh', 'ipam', 'cni', 'kube', 'agent', 'supervisor', 'cli', 'web-ui', 'deploy'],
  ...['package-lock.json', 'tsconfig.json'],
];
/**
 * A system tool: its program (or shared library, or file), the Debian package of it, and whether it is optional.
 * @typedef {{ program?: string, library?: string, file?: string, package: string, optional: boolean }} Tool
 */
/** @type {Tool[]} Tools that all callers need. */
const TOOLS = [
  { program: 'ip', package: 'iproute2', optional: false },
  { program: 'nft', package: 'nftables', optional: false },
  { program: 'nsenter', package: 'util-linux', optional: false },
  { program: 'unshare', package: 'util-linux', optional: false },
  { program: 'ping', package: 'iputils-ping', optional: false },
  { program: 'tcpdump', package: 'tcpdump', optional: true },
  // Seals three times as fast as OpenSSL 3.0 on processors with vector AES (docs/measurements.md).
  ...(process.arch === 'x64' ? [{ library: 'libIPSec_MB.so.1', package: 'libipsec-mb1', optional: true }] : []),
];
/** What tests need beyond that. Who lacks it sees them skipped; in CI, which installs it, they fail. @type {Tool[]} */
const TEST_TOOLS = [
  { program: 'chromium', package: 'chromium', optional: true },
  { program: 'cc', package: 'gcc', optional: true },
  { program: 'cc', package: 'libc6-dev', optional: true },
  { program: 'conntrack', package: 'conntrack', optional: true },
  { program: 'iptables', package: 'iptables', optional: true },
  { file: '/usr/lib/cni/portmap', package: 'containernetworking-plugins', optional: true },
  { program: 'containerd', package: 'containerd', optional: true },
  { program: 'runc', package: 'runc', optional: true },
  { program: 'podman', package: 'podman', optional: true },
  { program: 'busybox', package: 'busybox-static', optional: true },
  { program: 'objdump', package: 'binutils', optional: true },
];
/** A first install takes about 20 s with a near registry; somebody who waits wants to know by then what for. */
const SLOW_AFTER_MS = 6_000;
const SEARCH_PATH = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** A condition that the user has to fulfil. The message is printed without a stack trace. */
export class PrerequisiteError extends Error {}

/**
 * Runs a program, and ends with exit code 1 when it throws. With `usage`, which ends with a line feed, it answers `--help`, and
 * options that it does not know with exit code 2.
 * @param {() => Promise<void>} main
 * @param {string | null} usage
 */
export async function runMain(main, usage = null) {
  if (usage !== null && process.argv.includes('--help')) return void process.stdout.write(usage);
  try {
    await main();
  } catch (thrown) {
    if (usage !== null && String(thrown.code).startsWith('ERR_PARSE_ARGS')) {
      process.stderr.write(`${thrown.message}\n\n${usage}`);
      process.exitCode = 2;
      return;
    }
    process.stderr.write(`${thrown instanceof PrerequisiteError ? thrown.message : thrown.stack}\n`);
    process.exitCode = 1;
  }
}

export function checkPlatform() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
    throw new PrerequisiteError(
      `Heddle needs Node ${MINIMUM_NODE.join('.')} or newer; this is ${process.version} (${process.execPath}).`,
    );
  }
  if (process.platform !== 'linux') {
    throw new PrerequisiteError(`Heddle runs on Linux only (network namespaces, TAP); this is ${process.platform}.`);
  }
  if (!ARCHITECTURES.includes(process.arch)) {
    throw new PrerequisiteError(`Heddle runs on ${ARCHITECTURES.join(' and ')}; this machine is ${process.arch}.`);
  }
}

/** Runs `npm ci` when `node_modules` is missing or older than the lock file. */
export async function ensureDependencies() {
  const installed = modifiedAtMs(join(ROOT, 'node_modules', '.package-lock.json'));
  if (installed !== null && installed >= (modifiedAtMs(join(ROOT, 'package-lock.json')) ?? 0)) return;
  const install = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  await runQuietly('installing npm packages', 'npm', install, wordOnSlowInstall);
}

/** npm is silent while it waits for a registry that does not answer, for minutes. */
function wordOnSlowInstall() {
  const { stdout } = spawnSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    env: environment(),
    timeout: 2000,
  });
  const registry = stdout?.trim() || 'its registry';
  return (
    `npm waits for ${registry}. If this machine cannot reach it, npm goes on trying for some minutes: Ctrl-C ends it;\n` +
    '  npm config set proxy or registry shows it another way, and a node_modules folder from elsewhere needs no network.'
  );
}

/**
 * Runs the build when an output is missing or any source is newer than the oldest output.
 * @param {{ outputs?: string[], sources?: string[] }} [also] further outputs and sources of the caller
 */
export async function ensureBuilt({ outputs = [], sources = [] } = {}) {
  const built = [...OUTPUTS, ...outputs].map((name) => modifiedAtMs(join(ROOT, 'dist', name)));
  const oldest = built.includes(null) ? 0 : Math.min(...built);
  if (newestSourceMs([...SOURCES, ...sources]) <= oldest) return;
  await runQuietly('building', process.execPath, ['deploy/build.mjs']);
}

/**
 * Finds the system tools; as root, where apt-get exists, installs missing ones.
 * @param {Tool[]} [also] further tools of the caller
 */
export async function ensureTools(also = []) {
  const tools = [...TOOLS, ...also];
  if (canInstall()) await installMissing(tools);
  const lacking = tools.filter((tool) => !tool.optional && !isPresent(tool));
  if (lacking.length === 0) return;
  throw new PrerequisiteError(
    `Missing programs: ${lacking.map((tool) => tool.program).join(', ')}.\n` +
      `Install them, on Debian or Ubuntu with: sudo apt-get install ${packagesOf(lacking).join(' ')}\n` +
      '(other distributions: iproute2 or iproute, nftables, util-linux, iputils, and the others by the same names).',
  );
}

/** Installs what only tests need, where that is possible. */
export async function ensureTestTools() {
  if (canInstall()) await installMissing(TEST_TOOLS);
}

function canInstall() {
  return process.getuid() === 0 && onPath('apt-get');
}

/** Optional tools are installed one by one, so that a missing package does not stop the others. */
async function installMissing(tools) {
  const missing = tools.filter((tool) => !isPresent(tool));
  const needed = packagesOf(missing.filter((tool) => !tool.optional));
  const wished = packagesOf(missing.filter((tool) => tool.optional));
  if (needed.length > 0) await installPackages(needed);
  for (const name of wished) await installPackages([name]);
}

function packagesOf(tools) {
  return [...new Set(tools.map((tool) => tool.package))];
}

function isPresent({ program, library, file }) {
  if (file !== undefined) return existsSync(file);
  return program === undefined ? hasLibrary(library) : onPath(program);
}

/** By its soname, as the dynamic linker finds it. */
function hasLibrary(soname) {
  const { stdout } = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env: environment() });
  return stdout?.includes(`${soname} `) === true;
}

/**
 * Words before the command line of a program that makes network namespaces and TAP devices. None for root. For an ordinary
 * user a new user, mount and process namespace with a private `/run`, which end with the last process.
 * @param {{ ownNetwork?: boolean }} [options] ownNetwork: an ordinary user's program gets a network namespace too. It has no
 *   access to the host's loopback; `ip netns add` works, which has to return to the network namespace it came from.
 * @returns {string[]}
 */
export function namespaceLauncher({ ownNetwork = false } = {}) {
  if (probe([])) return [];
  for (const launcher of userNamespaceLaunchers(ownNetwork)) {
    if (probe(launcher)) return launcher;
  }
  throw new PrerequisiteError(explainNoNamespaces());
}

/** @returns {string[][]} best first: with several user ids where `/etc/subuid` grants them, in a process namespace */
function userNamespaceLaunchers(ownNetwork) {
  const maps = [['--map-root-user', '--map-auto'], ['--map-root-user']];
  const processes = [['--pid', '--fork', '--kill-child', '--mount-proc'], []];
  const network = ownNetwork ? ['--net'] : [];
  const loopback = ownNetwork ? 'ip link set lo up && ' : '';
  const inside = `mount -t tmpfs -o mode=755 tmpfs /run && ${loopback}exec "$@"`;
  return maps.flatMap((map) =>
    processes.map((pids) => ['unshare', '--user', ...map, '--mount', ...network, ...pids, 'sh', '-c', inside, 'sh']),
  );
}

/** Whether a network namespace with a TAP can be made; makes and removes one. */
function probe(launcher) {
  const script =
    'mkdir -p /run/netns && n=hdprobe$$ && touch /run/netns/$n && unshare --net=/run/netns/$n true && ' +
    'nsenter --net=/run/netns/$n ip tuntap add dev probe mode tap; code=$?; ip netns del $n; exit $code';
  const [program, ...args] = [...launcher, 'sh', '-c', script];
  return spawnSync(program, args, { env: environment(), stdio: 'ignore' }).status === 0;
}

function explainNoNamespaces() {
  const reasons = [tunProblem(), ...(process.getuid() === 0 ? rootProblems() : userNamespaceProblems())];
  const found = reasons.filter((reason) => reason !== null);
  const isRoot = process.getuid() === 0;
  return [
    'Cannot make network namespaces with TAP devices here:',
    ...(found.length > 0 ? found : ['the kernel refused for an unknown reason']).map((r) => `  - ${r}`),
    ...(isRoot ? [] : ['Or run it as root (sudo).']),
  ].join('\n');
}

function tunProblem() {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    return null;
  } catch (thrown) {
    if (thrown.code === 'ENOENT') {
      return '/dev/net/tun does not exist: as root, modprobe tun (in a container: start it with --device /dev/net/tun)';
    }
    if (thrown.code === 'EACCES') return '/dev/net/tun is not accessible to this user: as root, chmod 666 /dev/net/tun';
    if (thrown.code === 'ENODEV') return 'the kernel has no TUN/TAP driver loaded: as root, modprobe tun';
    return `/dev/net/tun cannot be opened (${thrown.code}): in a container, start it with --device /dev/net/tun`;
  }
}

function rootProblems() {
  if (spawnSync('unshare', ['--net', 'true'], { env: environment() }).status === 0) return [];
  return ['root here lacks CAP_SYS_ADMIN or CAP_NET_ADMIN: in a container, start it with --privileged'];
}

function userNamespaceProblems() {
  if (
    spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'x', '/run']).status === 0
  ) {
    return [];
  }
  const sysctls = [
    { name: 'kernel.unprivileged_userns_clone', bad: '0', good: 1 },
    { name: 'kernel.apparmor_restrict_unprivileged_userns', bad: '1', good: 0 },
    { name: 'user.max_user_namespaces', bad: '0', good: 10000 },
  ];
  const wrong = sysctls.filter(({ name, bad }) => sysctl(name) === bad);
  if (wrong.length === 0) return ['this user may not make user namespaces (a container or security policy forbids it)'];
  return wrong.map(({ name, good }) => `user namespaces are switched off: as root, sysctl -w ${name}=${good}`);
}

/** Value as text, or null when the kernel does not have it. */
function sysctl(name) {
  const { status, stdout } = spawnSync('cat', [`/proc/sys/${name.replaceAll('.', '/')}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

let listsUpdated = false;

/** Installs, and on failure once more after an update of the package lists. The caller checks the result. */
async function installPackages(packages) {
  const label = `installing ${packages.join(', ')}`;
  // Another run may be installing at this moment.
  const install = ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages];
  if ((await runLabelled(label, 'apt-get', install)).code === 0 || listsUpdated) return;
  listsUpdated = true;
  await runLabelled('updating the package lists', 'apt-get', ['update', '-qq']);
  await runLabelled(label, 'apt-get', install);
}

/**
 * Throws with the program's output when it fails; prints none otherwise.
 * @param {() => string} [wordWhenSlow] what to say when it takes longer than SLOW_AFTER_MS
 */
async function runQuietly(label, program, args, wordWhenSlow) {
  const { code, output } = await runLabelled(label, program, args, wordWhenSlow);
  if (code !== 0) throw new PrerequisiteError(`${label} failed (${[program, ...args].join(' ')}):\n${output.trim()}`);
}

/** Runs a program with a label and, on a terminal, its duration on standard error. */
function runLabelled(label, program, args, wordWhenSlow = null) {
  const { stderr } = process;
  const startedMs = performance.now();
  const seconds = () => Math.round((performance.now() - startedMs) / 1000);
  stderr.write(`  ${label} ...${stderr.isTTY ? '' : '\n'}`);
  const clock = setInterval(() => stderr.isTTY && stderr.write(`\r  ${label} ... ${seconds()} s`), 1000);
  const isSlow = setTimeout(() => {
    if (wordWhenSlow !== null) stderr.write(`${stderr.isTTY ? '\r\u001b[2K' : ''}  ${wordWhenSlow()}\n`);
  }, SLOW_AFTER_MS);
  return new Promise((resolve) => {
    const env = { ...environment(), DEBIAN_FRONTEND: 'noninteractive' };
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const end = (code) => {
      clearInterval(clock);
      clearTimeout(isSlow);
      if (stderr.isTTY) stderr.write('\r\u001b[2K');
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += error.message;
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

function environment() {
  return { ...process.env, PATH: SEARCH_PATH.join(delimiter) };
}

function onPath(program) {
  return SEARCH_PATH.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function modifiedAtMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : null;
}

function newestSourceMs(sources) {
  return Math.max(...sources.map((name) => newestMs(join(ROOT, name))));
}

function newestMs(path) {
  if (!existsSync(path)) return 0;
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  const names = readdirSync(path).filter((name) => name !== 'node_modules' && !name.endsWith('.test.ts'));
  return Math.max(own.mtimeMs, ...names.map((name) => newestMs(join(path, name))));
}
