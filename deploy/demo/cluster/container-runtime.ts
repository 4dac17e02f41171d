/**
 * Calls the CNI executable exactly as a container runtime does: parameters in `CNI_*`, the network configuration on
 * standard input, the result or error on standard output (CNI specification 1.0.0, section 2).
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, DecodeError } from '../../../common/errors.js';

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

export interface Attachment {
  readonly containerId: string;
  readonly netns: string;
  readonly podName: string;
  /** What ADD answered; handed back with DEL and CHECK, as the specification demands. */
  readonly prevResult?: CniResult;
}

/** What we read of the result; the specification has more. */
export interface CniResult {
  readonly cniVersion: string;
  readonly ips?: readonly { readonly address: string; readonly gateway?: string }[];
}

const CONFIGURATION = { cniVersion: '1.0.0', name: 'heddle', type: 'heddle-cni' };
const TIMEOUT_MS = 20_000;
const POD_NAMESPACE = 'demo';

export class ContainerRuntime {
  constructor(
    readonly distDir: string,
    /** Tell the executable which agent to ask, and where to leave word when it is down: nodes share a file system here. */
    readonly cniSocket: string,
    readonly deferredDeleteDir: string,
  ) {}

  /** The result of the call, null when it has none (DEL, CHECK). Throws {@link CommandError} with the CNI error. */
  async call(command: CniCommand, attachment: Attachment): Promise<CniResult | null> {
    const [program, ...args] = this.#executable();
    const { prevResult } = attachment;
    const configuration =
      command === 'ADD' || prevResult === undefined ? CONFIGURATION : { ...CONFIGURATION, prevResult };
    const environment = this.#environment(command, attachment);
    const { code, output } = await execute(program, args, environment, JSON.stringify(configuration));
    if (code !== 0) throw new CommandError(`heddle-cni ${command} ${attachment.podName}`, code, output);
    if (output.trim() === '') return null;
    try {
      return JSON.parse(output) as CniResult;
    } catch (thrown) {
      throw new DecodeError(`heddle-cni ${command} answered "${output.slice(0, 200)}"`, { cause: thrown });
    }
  }

  /** The compiled relay where the build made one, else the same in JavaScript. */
  #executable(): [string, ...string[]] {
    const compiled = join(this.distDir, 'heddle-cni');
    return existsSync(compiled) ? [compiled] : [process.execPath, join(this.distDir, 'heddle-cni.js')];
  }

  #environment(command: CniCommand, attachment: Attachment): Record<string, string> {
    return {
      CNI_COMMAND: command,
      CNI_CONTAINERID: attachment.containerId,
      CNI_NETNS: attachment.netns,
      CNI_IFNAME: 'eth0',
      CNI_PATH: this.distDir,
      CNI_ARGS: `K8S_POD_NAMESPACE=${POD_NAMESPACE};K8S_POD_NAME=${attachment.podName}`,
      HEDDLE_CNI_SOCKET: this.cniSocket,
      HEDDLE_CNI_SPOOL: this.deferredDeleteDir,
    };
  }
}

function execute(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  input: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, timeout: TIMEOUT_MS, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.stdin.on('error', () => {
      /* it ended without reading its input; the exit code tells */
    });
    child.on('error', (error) => reject(new CommandError(program, null, error.message)));
    child.on('close', (code) => resolve({ code, output: code === 0 ? output : output + complaint }));
    child.stdin.end(input);
  });
}
