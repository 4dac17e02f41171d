/**
 * Container runtime for the demo: runs the CNI executable with parameters in `CNI_*` and the network configuration on
 * standard input, and reads the result or error from standard output (CNI specification 1.0.0, section 2).
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
  /** Result of ADD, passed with DEL and CHECK as the specification requires. */
  readonly prevResult?: CniResult;
}

/** The fields of a result that are read. */
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
    /** Paths of the node's agent and of its deferred deletes, since the nodes share a file system. */
    readonly cniSocket: string,
    readonly deferredDeleteDir: string,
  ) {}

  /** Result of the call, null when it has none (DEL, CHECK). Throws {@link CommandError} with the CNI error. */
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
      throw new DecodeError(`heddle-cni ${command}: expected JSON, found "${output.slice(0, 200)}"`, { cause: thrown });
    }
  }

  /** The compiled relay where the build made one, else the one for Node. */
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
      /* it ended without reading its input; the exit code decides */
    });
    child.on('error', (error) => reject(new CommandError(program, null, error.message)));
    child.on('close', (code) => resolve({ code, output: code === 0 ? output : output + complaint }));
    child.stdin.end(input);
  });
}
