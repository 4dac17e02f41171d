/** Main function of `meshctl`, from its arguments to its exit code. */
import { ApiUnreachableError, HeddleError } from '../common/errors.js';
import { HEDDLE_VERSION } from '../common/version.js';
import type { Topology } from '../common/api.js';
import {
  readEndpoints,
  readPeer,
  readPeers,
  readPodPolicies,
  readPolicies,
  readRoutes,
  readStatus,
  readTopology,
} from './api-answers.js';
import type { Status } from './api-answers.js';
import { createApiClient, DEFAULT_TIMEOUT_MS } from './api-client.js';
import type { ApiClient } from './api-client.js';
import { parseCommandLine } from './command-line.js';
import type { Question, Subject } from './command-line.js';
import { linksView, nodesView, podsView, whoView } from './commands/cluster.js';
import { linkRows, nodeRows, podRows, whoRows } from './commands/cluster-rows.js';
import { endpointsView } from './commands/endpoints.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { arranged } from './output/arrange.js';
import type { Arrangeable } from './output/arrange.js';
import { formatDocument } from './output/output.js';
import type { View } from './output/output.js';
import { createPaint } from './output/paint.js';
import { runForget } from './commands/forget.js';
import { keyOf, keyView } from './commands/key.js';
import { onePeerView, peersView } from './commands/peers.js';
import { podPoliciesView, policiesView } from './commands/policy.js';
import { runPolicyTest } from './commands/policy-test.js';
import { runRotate } from './commands/rotate.js';
import type { SecretFileChange } from './commands/rotate.js';
import { routesView } from './commands/routes.js';
import { statusView, verdictOf } from './commands/status.js';
import { printableLines } from './output/table.js';
import { runPreflight } from './preflight/command.js';
import type { Preflight } from './preflight/command.js';
import type { Terminal } from './output/terminal.js';
import { runUninstall } from './uninstall/command.js';
import type { Uninstall } from './uninstall/command.js';
import { versionView } from './commands/version.js';
import { watchDocument } from './commands/watch.js';

/** Dependencies of `meshctl`, replaced in tests. */
export interface MeshctlDeps {
  readonly uninstall: Uninstall;
  readonly preflight: Preflight;
  readonly secretFile: SecretFileChange;
  /** Time limit of an answer; {@link DEFAULT_TIMEOUT_MS} when absent. */
  readonly timeoutMs?: number;
}

/** A document of the agent, and its view. */
interface Inquiry {
  readonly fetch: () => Promise<unknown>;
  readonly view: View<unknown>;
}

/** Exit codes of `status --check`. */
const CHECK_EXITS = { ok: EXIT.ok, warning: EXIT.warning, notReady: EXIT.failed } as const;

/** Moves the cursor to the top left corner and clears the screen (ECMA-48: CUP, ED). */
const REDRAW = '\u001b[H\u001b[J';

/** @param argv arguments after `meshctl` @returns the exit code; a HeddleError is printed instead of thrown */
export async function runMeshctl(argv: readonly string[], deps: MeshctlDeps, terminal: Terminal): Promise<ExitCode> {
  const invocation = parseCommandLine(argv, terminal);
  if (invocation.type === 'answered') return invocation.exitCode;
  const client = createApiClient({
    socketPath: invocation.socketPath,
    timeoutMs: deps.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    stop: terminal.stop,
  });
  try {
    if (invocation.type === 'forgetting') return await runForget(client, invocation, terminal);
    if (invocation.type === 'rotation') return await runRotate(client, invocation.step, deps.secretFile, terminal);
    if (invocation.type === 'policyTest') return await runPolicyTest(client, invocation, terminal);
    if (invocation.type === 'removal') return await runUninstall(deps.uninstall, client, invocation, terminal);
    if (invocation.type === 'preflight') return await runPreflight(deps.preflight, invocation.format, terminal);
    return await runQuestion(invocation, client, terminal);
  } catch (thrown) {
    if (!(thrown instanceof HeddleError)) throw thrown;
    terminal.err(`meshctl: ${printableLines(thrown.message)}\n`);
    return thrown instanceof ApiUnreachableError ? EXIT.unreachable : EXIT.failed;
  }
}

async function runQuestion(question: Question, client: ApiClient, terminal: Terminal): Promise<ExitCode> {
  if (question.subject === 'version') return runVersion(question, client, terminal);
  const { fetch, view } = inquiryOf(question, question.subject, client);
  if (question.watch) {
    const { before, between } = separatorsOf(question, terminal);
    const print = (document: unknown, first: boolean): void =>
      terminal.out((first ? before : between) + format(document, view, question, terminal));
    await watchDocument(client, { fetch, print }, terminal);
    return EXIT.ok;
  }
  const document = await fetch();
  terminal.out(format(document, view, question, terminal));
  if (question.subject === 'who' && (document as unknown[]).length === 0) return EXIT.failed;
  return question.check ? CHECK_EXITS[verdictOf(document as Status)] : EXIT.ok;
}

/** Prints its own version also when the agent cannot be asked. */
async function runVersion(question: Question, client: ApiClient, terminal: Terminal): Promise<ExitCode> {
  const print = (agent: string | null): void =>
    terminal.out(format({ meshctl: HEDDLE_VERSION, agent }, versionView, question, terminal));
  try {
    print(readStatus(await client.get('/v1/status'), '/v1/status').version);
    return EXIT.ok;
  } catch (thrown) {
    print(null);
    throw thrown;
  }
}

function format<Document>(document: Document, view: View<Document>, question: Question, terminal: Terminal): string {
  return formatDocument(document, view, question.format, terminal, createPaint(terminal));
}

function inquiryOf(
  { argument, arrangement }: Question,
  subject: Exclude<Subject, 'version'>,
  client: ApiClient,
): Inquiry {
  const rowsOf =
    <Row extends Arrangeable>(rows: (topology: Topology) => readonly Row[]) =>
    (answer: unknown, path: string) =>
      arranged(rows(readTopology(answer, path)), arrangement);
  switch (subject) {
    case 'nodes':
      return inquiry(client, TOPOLOGY, rowsOf(nodeRows), nodesView);
    case 'pods':
      return inquiry(client, TOPOLOGY, rowsOf(podRows), podsView);
    case 'links':
      return inquiry(client, TOPOLOGY, rowsOf(linkRows), linksView);
    case 'who':
      return inquiry(client, TOPOLOGY, (...answer) => whoRows(readTopology(...answer), argument ?? ''), whoView);
    case 'peers':
      return argument === null
        ? inquiry(client, '/v1/peers', (...answer) => arranged(readPeers(...answer), arrangement), peersView)
        : inquiry(client, `/v1/peers/${encodeURIComponent(argument)}`, readPeer, onePeerView);
    case 'policy':
      return argument === null
        ? inquiry(client, '/v1/policies', readPolicies, policiesView)
        : inquiry(client, `/v1/policies/${encodeURIComponent(argument)}`, readPodPolicies, podPoliciesView);
    case 'status':
      return inquiry(client, '/v1/status', readStatus, statusView);
    case 'key':
      return inquiry(client, '/v1/status', (...answer) => keyOf(readStatus(...answer)), keyView);
    case 'routes':
      return inquiry(client, '/v1/routes', readRoutes, routesView);
    case 'endpoints':
      return inquiry(client, '/v1/endpoints', readEndpoints, endpointsView);
  }
}

const TOPOLOGY = '/v1/topology';

function inquiry<Document>(
  client: ApiClient,
  path: string,
  read: (answer: unknown, path: string) => Document,
  view: View<Document>,
): Inquiry {
  return { fetch: async () => read(await client.get(path), path), view: view as View<unknown> };
}

/** Text before a watched document, the first time and later. */
function separatorsOf({ format: kind }: Question, terminal: Terminal): { before: string; between: string } {
  if (kind === 'yaml') return { before: '', between: '---\n' };
  if (kind === 'json') return { before: '', between: '' };
  return terminal.columns === null ? { before: '', between: '\n' } : { before: REDRAW, between: REDRAW };
}
