/** Check of the agent's commands before a thread executes them: shape, ranges and canonical addresses. Throws DecodeError. */
import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { DecodeError, messageOf } from '../../common/errors.js';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { parseNodeId } from '../../common/node-id.js';
import type { ForwardingTables, RouterCommand } from '../../common/router-port.js';
import { KEY_BYTES } from '../aead/aead.js';
import { MAX_LOCAL_ADDRESSES, MAX_ROUTES, MAX_TABLE_CIDRS, MIN_PATH_MTU_BYTES } from '../limits.js';

const Bytes = (length?: number) =>
  Type.Refine(
    Type.Unsafe<Uint8Array>({}),
    (value) => value instanceof Uint8Array && (length === undefined || value.length === length),
  );
const Index = Type.Integer({ minimum: 1, maximum: 0xffffffff });
const NodeIdText = Type.String({ pattern: '^[0-9a-f]{32}$' });
const Endpoint = Type.Object({ ip: Type.String(), port: Type.Integer({ minimum: 1, maximum: 65535 }) });
const tagged = <T extends string, P extends Record<string, TSchema>>(type: T, fields: P) =>
  Type.Object({ type: Type.Literal(type), ...fields });

const CommandSchema = Type.Union([
  tagged('tables', {
    tables: Type.Object({
      generation: Type.Integer({ minimum: 0 }),
      localCidrs: Type.Array(Type.String(), { maxItems: MAX_TABLE_CIDRS }),
      localAddresses: Type.Array(Type.String(), { maxItems: MAX_LOCAL_ADDRESSES }),
      routes: Type.Array(Type.Object({ cidr: Type.String(), peer: NodeIdText }), { maxItems: MAX_ROUTES }),
    }),
  }),
  tagged('path', {
    path: Type.Object({
      peer: NodeIdText,
      endpoint: Endpoint,
      mtuBytes: Type.Integer({ minimum: MIN_PATH_MTU_BYTES, maximum: 65535 }),
    }),
  }),
  tagged('installSession', {
    session: Type.Object({
      peer: NodeIdText,
      localIndex: Index,
      remoteIndex: Index,
      cipher: Type.Union([Type.Literal('aes-256-gcm'), Type.Literal('chacha20-poly1305')]),
      sendKey: Bytes(KEY_BYTES),
      receiveKey: Bytes(KEY_BYTES),
    }),
  }),
  tagged('activateSession', { localIndex: Index }),
  tagged('removeSession', { localIndex: Index }),
  tagged('removePeer', { peer: NodeIdText }),
  tagged('sendDatagram', { to: Endpoint, bytes: Bytes() }),
  tagged('sendControl', { peer: NodeIdText, bytes: Bytes() }),
  tagged('probe', {
    peer: NodeIdText,
    probeId: Type.Integer({ minimum: 0, maximum: 0xffffffff }),
    sizeBytes: Type.Integer({ minimum: 0, maximum: 65535 }),
  }),
]);
const commandCheck = Compile(CommandSchema);

/** The command in `message`, or a {@link DecodeError} that says which part is wrong (never its value: keys travel here). */
export function checkRouterCommand(message: unknown): RouterCommand {
  if (!commandCheck.Check(message)) {
    const [error] = commandCheck.Errors(message);
    throw new DecodeError(
      `router command is malformed at "${error?.instancePath ?? ''}": ${error?.message ?? 'no match'}`,
    );
  }
  const command = message as unknown as RouterCommand;
  try {
    checkAddresses(command);
  } catch (thrown) {
    throw new DecodeError(`router command ${command.type}: ${messageOf(thrown)}`, { cause: thrown });
  }
  return command;
}

function checkAddresses(command: RouterCommand): void {
  if (command.type === 'tables') checkTables(command.tables);
  if (command.type === 'path') parseIpAddress(command.path.endpoint.ip);
  if (command.type === 'sendDatagram') parseIpAddress(command.to.ip);
}

function checkTables(tables: ForwardingTables): void {
  for (const cidr of tables.localCidrs) parseCidr(cidr);
  for (const { cidr, peer } of tables.routes) {
    parseCidr(cidr);
    parseNodeId(peer);
  }
  for (const ip of tables.localAddresses) parseIpAddress(ip);
}
