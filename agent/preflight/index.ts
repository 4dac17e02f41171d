/**
 * Door of `agent/preflight/`: what a node needs, looked at before the first `meshd` runs. Nothing on the host is changed. Not
 * here: the conditions of a running node (`agent/api/conditions.ts`).
 */
import type { Config } from '../../common/config.js';
import type { CommandRunner } from '../../common/host/command.js';
import { messageOf } from '../../common/errors.js';
import { checkAddresses, checkMtu } from './address-checks.js';
import { checkForwarding, checkInput, checkSettings } from './firewall-checks.js';
import { failed } from './finding.js';
import type { Finding } from './finding.js';
import { checkKernel } from './kernel-checks.js';
import { checkFolders, checkOtherNetworks, checkPorts, checkSecret, checkTrustedKeys } from './place-checks.js';
import { checkCapabilities, checkPrograms } from './privilege-checks.js';

export type { Finding, Verdict } from './finding.js';

type Check = (commands: CommandRunner, config: Config) => Promise<readonly Finding[]> | readonly Finding[];

/** In the order of the findings. */
const CHECKS: Readonly<Record<string, Check>> = {
  capabilities: checkCapabilities,
  programs: checkPrograms,
  kernel: checkKernel,
  sysctls: checkSettings,
  address: checkAddresses,
  mtu: checkMtu,
  ports: (_, config) => checkPorts(config),
  forward: checkForwarding,
  input: checkInput,
  folders: (_, config) => checkFolders(config),
  'other-networks': (_, config) => checkOtherNetworks(config),
  secret: (_, config) => checkSecret(config),
  'trusted-keys': (_, config) => checkTrustedKeys(config),
};

/** A check that cannot be made is a finding too. */
export async function preflight(commands: CommandRunner, config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, check] of Object.entries(CHECKS)) {
    try {
      findings.push(...(await check(commands, config)));
    } catch (thrown) {
      findings.push(failed(name, `could not be checked: ${messageOf(thrown)}`));
    }
  }
  return findings;
}
