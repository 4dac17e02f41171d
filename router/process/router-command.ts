/** Check of the agent's commands before a thread executes them: shape, ranges and canonical addresses. Throws DecodeError. */
import type { Check } from '../../common/codec/message-shape.js';
import {
  bytes,
  count,
  flag,
  integer,
  isRecord,
  listOf,
  nodeId,
  object,
  oneOf,
  orAbsent,
  orNull,
  port,
  text,
} from '../../common/codec/message-shape.js';
import { relayShapes } from '../../common/codec/relay-shapes.js';
import { DecodeError, messageOf } from '../../common/errors.js';
import { parseCidr } from '../../common/address/cidr.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { parseNodeId } from '../../common/node-id.js';
import type { ForwardingTables, Route, RouterCommand, TablesChange } from '../../common/router-port.js';
import { KEY_BYTES } from '../aead/aead.js';
import { MAX_LOCAL_ADDRESSES, MAX_ROUTES, MAX_TABLE_CIDRS, MIN_PATH_MTU_BYTES } from '../limits.js';

const index = integer(1, 0xffffffff);
const endpoint = object({ ip: text, port });
const key: Check = (value) => value instanceof Uint8Array && value.length === KEY_BYTES;
const route = object({ cidr: text, peer: nodeId });
const tables = object({
  generation: integer(0, Number.MAX_SAFE_INTEGER),
  localCidrs: listOf(text, MAX_TABLE_CIDRS),
  localAddresses: listOf(text, MAX_LOCAL_ADDRESSES),
  routes: listOf(route, MAX_ROUTES),
});
const tablesChange = object({
  base: integer(0, Number.MAX_SAFE_INTEGER),
  generation: integer(0, Number.MAX_SAFE_INTEGER),
  localAddresses: orNull(listOf(text, MAX_LOCAL_ADDRESSES)),
  removed: listOf(text, MAX_ROUTES),
  routes: listOf(route, MAX_ROUTES),
});
const { relayRoute, openChannel, openRelay } = relayShapes(index);
const path = object({
  peer: nodeId,
  endpoint,
  mtuBytes: integer(MIN_PATH_MTU_BYTES, 65_535),
  upForMs: orAbsent(orNull(count)),
  relay: orAbsent(orNull(relayRoute)),
  local: orAbsent(orNull(text)),
});
const session = object({
  peer: nodeId,
  localIndex: index,
  remoteIndex: index,
  cipher: oneOf('aes-256-gcm', 'chacha20-poly1305'),
  sendKey: key,
  receiveKey: key,
});

const SHAPES: Readonly<Record<RouterCommand['type'], Check>> = {
  tables: object({ tables }),
  tablesChange: object({ change: tablesChange }),
  path: object({ path }),
  installSession: object({ session }),
  activateSession: object({ localIndex: index }),
  deactivateSession: object({ localIndex: index }),
  expectSession: object({ localIndex: index }),
  removeSession: object({ localIndex: index }),
  removePeer: object({ peer: nodeId }),
  sendDatagram: object({
    to: endpoint,
    bytes,
    relay: orAbsent(relayRoute),
    local: orAbsent(orNull(text)),
    peer: orAbsent(orNull(nodeId)),
  }),
  sendControl: object({ peer: nodeId, bytes }),
  probe: object({
    peer: nodeId,
    probeId: integer(0, 0xffffffff),
    sizeBytes: integer(0, 65_535),
    direct: orAbsent(flag),
    channel: orAbsent(index),
  }),
  openChannel,
  closeChannel: object({ channel: index }),
  openRelay,
  closeRelay: object({ channel: index }),
  reportChanges: object({}),
};

/** The command in `message`, or a {@link DecodeError} that names its type (never a value: keys travel here). */
export function checkRouterCommand(message: unknown): RouterCommand {
  const type = isRecord(message) ? message['type'] : undefined;
  if (typeof type !== 'string' || !Object.hasOwn(SHAPES, type))
    throw new DecodeError('router command is of no known type');
  if (!SHAPES[type as RouterCommand['type']](message)) throw new DecodeError(`router command ${type} is malformed`);
  const command = message as RouterCommand;
  try {
    checkAddresses(command);
  } catch (thrown) {
    throw new DecodeError(`router command ${command.type}: ${messageOf(thrown)}`, { cause: thrown });
  }
  return command;
}

function checkAddresses(command: RouterCommand): void {
  if (command.type === 'tables') checkTables(command.tables);
  if (command.type === 'tablesChange') checkChange(command.change);
  if (command.type === 'path') checkEnds(command.path.endpoint, command.path.local);
  if (command.type === 'sendDatagram') checkEnds(command.to, command.local);
}

function checkEnds({ ip }: SocketAddress, local: IpAddress | null = null): void {
  parseIpAddress(ip);
  if (local !== null) parseIpAddress(local);
}

function checkTables(tables: ForwardingTables): void {
  for (const cidr of tables.localCidrs) parseCidr(cidr);
  checkRoutes(tables.routes);
  for (const ip of tables.localAddresses) parseIpAddress(ip);
}

function checkChange({ localAddresses, removed, routes }: TablesChange): void {
  for (const cidr of removed) parseCidr(cidr);
  checkRoutes(routes);
  for (const ip of localAddresses ?? []) parseIpAddress(ip);
}

function checkRoutes(routes: readonly Route[]): void {
  for (const { cidr, peer } of routes) {
    parseCidr(cidr);
    parseNodeId(peer);
  }
}
