/** Parser of the command line of `meshctl`, and its help; the only importer of commander. */
import { isIP } from 'node:net';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_API_SOCKET, LINK_STATES } from '../common/api.js';
import { HEDDLE_VERSION } from '../common/version.js';
import { completionScript, SHELLS } from './completion.js';
import type { CommandWords, Shell } from './completion.js';
import type { ForgetOptions } from './commands/forget.js';
import { readPolicyTarget } from './commands/policy-target.js';
import type { PolicyTarget } from './commands/policy-target.js';
import type { PolicyTestOptions } from './commands/policy-test.js';
import type { RotationStep } from './commands/rotate.js';
import { EXIT, EXIT_CODES_HELP } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { SORT_KEYS } from './output/arrange.js';
import type { Arrangement, SortKey } from './output/arrange.js';
import { OUTPUT_FORMATS } from './output/output.js';
import type { OutputFormat } from './output/output.js';
import type { Terminal } from './output/terminal.js';

/** Questions about the whole cluster are answered by any node. */
const SUBJECTS = [
  'status',
  'nodes',
  'pods',
  'links',
  'who',
  'peers',
  'routes',
  'endpoints',
  'policy',
  'key',
  'version',
] as const;
export type Subject = (typeof SUBJECTS)[number];

/** A document to request from the agent and print. */
export interface Question {
  readonly type: 'question';
  readonly socketPath: string;
  readonly subject: Subject;
  /** One peer by name or id, one pod for `policy`, or the address for `who`; null for all. */
  readonly argument: string | null;
  readonly arrangement: Arrangement;
  readonly format: OutputFormat;
  readonly watch: boolean;
  /** Whether to fail for a node that is not ready. */
  readonly check: boolean;
}

export interface Removal {
  readonly type: 'removal';
  readonly socketPath: string;
  readonly dryRun: boolean;
  readonly purge: boolean;
}

/** A node is to be forgotten, or let in again. */
export interface Forgetting extends ForgetOptions {
  readonly type: 'forgetting';
  readonly socketPath: string;
}

/** The cluster secret is to be rotated, or it is to be told how far that is. */
export interface Rotation {
  readonly type: 'rotation';
  readonly socketPath: string;
  readonly step: RotationStep;
}

/** This host is to be looked at before an agent runs. */
export interface HostLook {
  readonly type: 'preflight';
  readonly socketPath: string;
  readonly format: OutputFormat;
}

/** Whether network policies allow some traffic is to be told. */
export interface PolicyTest extends PolicyTestOptions {
  readonly type: 'policyTest';
  readonly socketPath: string;
}

/** Help, version or an error of the command line was printed; only the exit code is left. */
export interface Answered {
  readonly type: 'answered';
  readonly exitCode: ExitCode;
}

export type Invocation = Question | Removal | Forgetting | Rotation | PolicyTest | HostLook | Answered;

interface Flags {
  readonly socket?: string;
  readonly output?: OutputFormat;
  readonly watch?: boolean;
  readonly check?: boolean;
  readonly dryRun?: boolean;
  readonly purge?: boolean;
  readonly undo?: boolean;
  readonly status?: boolean;
  readonly end?: boolean;
  readonly json?: boolean;
  readonly sortBy?: SortKey;
  readonly state?: readonly string[];
}

const HELP_WIDTH = 100;

/** @param argv arguments after `meshctl`; help and errors are written to the terminal */
export function parseCommandLine(argv: readonly string[], terminal: Terminal): Invocation {
  let invocation: Invocation = { type: 'answered', exitCode: EXIT.usage };
  const program = createProgram(terminal, (parsed) => {
    invocation = parsed;
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    return { type: 'answered', exitCode: thrown.exitCode === 0 ? EXIT.ok : EXIT.usage };
  }
  return invocation;
}

function createProgram(terminal: Terminal, accept: (invocation: Invocation) => void): Command {
  const program = new Command('meshctl');
  program
    .description('Shows the state of the Heddle agent on this node.')
    .version(`meshctl ${HEDDLE_VERSION}`, '--version', 'print the version of meshctl')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) => write(text.replace(/^error:/, 'meshctl:')),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    })
    .option('--socket <path>', `the agent's socket (default: $HEDDLE_API_SOCKET or ${DEFAULT_API_SOCKET})`)
    .addHelpText('after', EXIT_CODES_HELP)
    .showHelpAfterError('(see meshctl --help)');
  for (const subject of SUBJECTS) addQuestion(program, subject, terminal, accept);
  addForgetting(program, terminal, accept);
  addRotation(program, terminal, accept);
  addRemoval(program, terminal, accept);
  addPreflight(program, terminal, accept);
  addCompletion(program, terminal, accept);
  return program;
}

const SUMMARIES: Readonly<Record<Subject, string>> = {
  nodes: 'all nodes of the cluster',
  pods: 'all pods of the cluster',
  links: 'all links of the cluster',
  who: 'the pod, node or pod CIDR that has an address',
  peers: 'other nodes and the links to them',
  status: 'this node: identity, network, readiness, and what to do when it is not ready',
  routes: 'pod CIDRs and the nodes that own them',
  endpoints: 'pod interfaces on this node',
  policy: 'network policies of pods, and what they allow; "policy test" decides about traffic',
  key: "this node's name and public key, as a line for lists of keys (trust: keys)",
  version: 'versions of meshctl and of the agent',
};

function addQuestion(
  program: Command,
  subject: Subject,
  terminal: Terminal,
  accept: (invocation: Invocation) => void,
): void {
  const command = program.command(subject).description(SUMMARIES[subject]);
  command.addOption(new Option('-o, --output <format>', 'output format').choices(OUTPUT_FORMATS).default('table'));
  if (!UNWATCHED.includes(subject)) command.option('-w, --watch', 'print again on every change');
  if (ARRANGED.includes(subject)) addArrangement(command);
  if (subject === 'who') command.argument('<address>', 'IP address of a pod or node', ipAddress);
  if (subject === 'status')
    command.option('--check', 'exit with 1 when the node is not ready, with 4 when there is a warning');
  if (subject === 'peers') command.argument('[peer]', 'one peer only: its name, its id, or the beginning of its id');
  if (subject === 'policy') {
    command.argument('[pod]', 'name or namespace/name of any pod; without, the pods of this node');
    addPolicyTest(command, terminal, accept);
  }
  command.action((...args: unknown[]) => {
    const flags = command.optsWithGlobals<Flags>();
    accept({
      type: 'question',
      socketPath: socketPathOf(flags, terminal),
      subject,
      argument: typeof args[0] === 'string' ? args[0] : null,
      arrangement: { sortBy: flags.sortBy ?? 'name', states: flags.state ?? null },
      format: flags.output ?? 'table',
      watch: flags.watch === true,
      check: flags.check === true,
    });
  });
}

/** Subjects without events. */
const UNWATCHED: readonly Subject[] = ['policy', 'key', 'version'];

/** Subjects whose rows have a state. */
const ARRANGED: readonly Subject[] = ['nodes', 'pods', 'links', 'peers'];

function addArrangement(command: Command): void {
  command
    .addOption(new Option('--sort-by <key>', 'name, or the worst first by another key').choices(SORT_KEYS))
    .addOption(new Option('--state <state...>', 'only these states').choices(['self', ...LINK_STATES]));
}

/** Its options are those of `policy`. */
function addPolicyTest(policy: Command, terminal: Terminal, accept: (invocation: Invocation) => void): void {
  const command = policy
    .command('test')
    .description('whether traffic is allowed, and by which rule: exits with 0 when it is, with 1 when it is denied')
    .configureHelp({ showGlobalOptions: true })
    .argument('<from>', 'pod (its name or namespace/name) or address')
    .argument(
      '<to>',
      'pod or address, then [:port][/protocol]; TCP, and a port that no rule names, without',
      policyTarget,
    );
  command.action((from: string, to: PolicyTarget) => {
    const flags = command.optsWithGlobals<Flags>();
    const format = flags.output ?? 'table';
    accept({ type: 'policyTest', socketPath: socketPathOf(flags, terminal), from, to, format });
  });
}

function ipAddress(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new InvalidArgumentError('Expected an IP address; "meshctl pods" lists pods by their names.');
}

function policyTarget(text: string): PolicyTarget {
  const target = readPolicyTarget(text);
  if (target !== null) return target;
  throw new InvalidArgumentError('Expected POD[:port][/protocol], port 1 to 65535, protocol tcp, udp or sctp.');
}

function addCompletion(program: Command, terminal: Terminal, accept: (invocation: Invocation) => void): void {
  const argument = new Argument('<shell>').choices(SHELLS);
  const command = program.command('completion').description('script for the completion of a shell');
  command.addArgument(argument).action((shell: Shell) => {
    terminal.out(completionScript(shell, program.commands.map(wordsOf)));
    accept({ type: 'answered', exitCode: EXIT.ok });
  });
}

function wordsOf(command: Command): CommandWords {
  const options = command.options.map(({ short, long, description, argChoices }) => ({
    short: short ?? null,
    long: long ?? '',
    summary: description,
    choices: argChoices ?? null,
  }));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const words = [...command.commands.map((each) => each.name()), ...choices];
  return { name: command.name(), summary: command.description(), options, choices: words };
}

function addForgetting(program: Command, terminal: Terminal, accept: (invocation: Invocation) => void): void {
  const command = program
    .command('forget')
    .description('make a node no longer a member: all nodes refuse it, also after restarts')
    .argument('<node>', 'its name, its id, or the beginning of its id')
    .option('--undo', 'let it come back');
  command.action((node: string) => {
    const flags = command.optsWithGlobals<Flags>();
    accept({ type: 'forgetting', socketPath: socketPathOf(flags, terminal), node, undo: flags.undo === true });
  });
}

function addRotation(program: Command, terminal: Terminal, accept: (invocation: Invocation) => void): void {
  const command = program
    .command('rotate')
    .description('add a new cluster secret to the file of this node, which is then to be handed out to the others')
    .addOption(
      new Option('--status', 'only show which nodes have which secrets; exit with 1 while one lacks the newest'),
    )
    .addOption(new Option('--end', 'drop the old secret, once all nodes have the new one').conflicts('status'));
  command.action(() => {
    const flags = command.optsWithGlobals<Flags>();
    const step = flags.status === true ? 'status' : flags.end === true ? 'end' : 'begin';
    accept({ type: 'rotation', socketPath: socketPathOf(flags, terminal), step });
  });
}

function addRemoval(program: Command, terminal: Terminal, accept: (invocation: Invocation) => void): void {
  const command = program
    .command('uninstall')
    .description('remove everything that Heddle made on this host; stop meshd first')
    .option('--dry-run', 'only print what would be removed')
    .option('--purge', "also remove the state directory, with the node's identity and addresses");
  command.action(() => {
    const flags = command.optsWithGlobals<Flags>();
    const { dryRun = false, purge = false } = flags;
    accept({ type: 'removal', socketPath: socketPathOf(flags, terminal), dryRun, purge });
  });
}

function addPreflight(program: Command, terminal: Terminal, accept: (invocation: Invocation) => void): void {
  const command = program
    .command('preflight')
    .description('whether this host has what a node needs, and what to type where it has not; changes nothing')
    .addOption(new Option('-o, --output <format>', 'output format').choices(OUTPUT_FORMATS).default('table'))
    .option('--json', 'as -o json');
  command.action(() => {
    const flags = command.optsWithGlobals<Flags>();
    const format = flags.json === true ? 'json' : (flags.output ?? 'table');
    accept({ type: 'preflight', socketPath: socketPathOf(flags, terminal), format });
  });
}

/** An empty variable counts as unset. */
function socketPathOf(flags: Flags, terminal: Terminal): string {
  return flags.socket ?? (terminal.env['HEDDLE_API_SOCKET'] || DEFAULT_API_SOCKET);
}
