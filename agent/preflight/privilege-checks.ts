/** Checks of what the node service may do and which programs it finds: capabilities of this process, programs of the host. */
import { ifItFails } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { NEEDED_CAPABILITIES } from '../../common/host/capabilities.js';
import { failed, met } from './finding.js';
import type { Finding } from './finding.js';

interface NeededProgram {
  readonly name: string;
  /** Arguments that make it print its version. */
  readonly versionArgs: readonly string[];
  readonly debianPackage: string;
  readonly purpose: string;
}

const PROGRAMS: readonly NeededProgram[] = [
  { name: 'ip', versionArgs: ['-V'], debianPackage: 'iproute2', purpose: 'interfaces and routes' },
  { name: 'bridge', versionArgs: ['-V'], debianPackage: 'iproute2', purpose: 'ports of the bridge' },
  {
    name: 'nft',
    versionArgs: ['--version'],
    debianPackage: 'nftables',
    purpose: 'source guard, NAT, network policies',
  },
  { name: 'nsenter', versionArgs: ['--version'], debianPackage: 'util-linux', purpose: 'interfaces of pods' },
];

export async function checkCapabilities(commands: CommandRunner): Promise<Finding[]> {
  const status = await ifItFails(commands.run('cat', ['/proc/self/status']), '');
  const [, digits = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  const effective = BigInt(`0x${digits}`);
  const missing = NEEDED_CAPABILITIES.filter(({ bit }) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0)
    return [met('capabilities', `all ${NEEDED_CAPABILITIES.length} that the node service needs`)];
  const named = missing.map(({ name, purpose }) => `CAP_${name} (${purpose})`).join('; ');
  return [failed('capabilities', `missing: ${named}`, 'run it as root; in a container, add these capabilities')];
}

export async function checkPrograms(commands: CommandRunner): Promise<Finding[]> {
  const found = await Promise.all(
    PROGRAMS.map(({ name, versionArgs }) => ifItFails(commands.run(name, versionArgs), null)),
  );
  const missing = PROGRAMS.filter((_, i) => found[i] === null);
  if (missing.length === 0) return [met('programs', PROGRAMS.map(({ name }) => name).join(', '))];
  return missing.map(({ name, purpose, debianPackage }) =>
    failed('programs', `${name} is missing (${purpose})`, `apt-get install ${debianPackage}`),
  );
}
