/**
 * Messages of the Container Runtime Interface (runtime.v1) as protobuf: those fields only that the tests use, with the numbers
 * of its `api.proto`.
 */
import { DecodeError } from '../../common/errors.js';

/** Number of the field, and its type: text, bytes, integer, map of texts, or the name of a message; in a list: repeated. */
type FieldType = 'text' | 'bytes' | 'integer' | 'map' | MessageName;
type Field = readonly [number, FieldType | readonly [FieldType]];
export type Message = Readonly<Record<string, unknown>>;

const MESSAGES = {
  Empty: {},
  Entry: { key: [1, 'text'], value: [2, 'text'] },
  Id: { id: [1, 'text'], verbose: [2, 'integer'] },
  Status: { status: [1, 'RuntimeStatus'] },
  RuntimeStatus: { conditions: [1, ['Condition']] },
  Condition: { type: [1, 'text'], status: [2, 'integer'], reason: [3, 'text'], message: [4, 'text'] },
  Metadata: { name: [1, 'text'], uid: [2, 'text'], namespace: [3, 'text'], attempt: [4, 'integer'] },
  RunSandbox: { config: [1, 'Sandbox'] },
  Sandbox: {
    ...{ metadata: [1, 'Metadata'], hostname: [2, 'text'], logDirectory: [3, 'text'], linux: [8, 'SandboxLinux'] },
  },
  SandboxLinux: { cgroupParent: [1, 'text'], securityContext: [2, 'SandboxSecurity'] },
  SandboxSecurity: { namespaceOptions: [1, 'NamespaceOptions'] },
  NamespaceOptions: { network: [1, 'integer'], pid: [2, 'integer'], ipc: [3, 'integer'] },
  SandboxStatusAnswer: { status: [1, 'SandboxStatus'] },
  SandboxStatus: { id: [1, 'text'], state: [3, 'integer'], network: [5, 'PodNetwork'] },
  PodNetwork: { ip: [1, 'text'], additionalIps: [2, ['PodAddress']] },
  PodAddress: { ip: [1, 'text'] },
  CreateContainer: { podSandboxId: [1, 'text'], config: [2, 'Container'], sandboxConfig: [3, 'Sandbox'] },
  Container: {
    ...{ metadata: [1, 'ContainerMetadata'], image: [2, 'Image'], command: [3, ['text']], args: [4, ['text']] },
    ...{ envs: [6, ['Entry']], mounts: [7, ['Mount']], logPath: [11, 'text'], linux: [15, 'ContainerLinux'] },
  },
  ContainerMetadata: { name: [1, 'text'], attempt: [2, 'integer'] },
  Image: { image: [1, 'text'] },
  Mount: {
    ...{ containerPath: [1, 'text'], hostPath: [2, 'text'], readonly: [3, 'integer'], propagation: [5, 'integer'] },
  },
  ContainerLinux: { securityContext: [2, 'ContainerSecurity'] },
  ContainerSecurity: {
    ...{ capabilities: [1, 'Capabilities'], namespaceOptions: [3, 'NamespaceOptions'], readonlyRootfs: [7, 'integer'] },
    ...{
      maskedPaths: [13, ['text']],
      readonlyPaths: [14, ['text']],
      seccomp: [15, 'Profile'],
      apparmor: [16, 'Profile'],
    },
  },
  Capabilities: { add: [1, ['text']], drop: [2, ['text']] },
  Profile: { type: [1, 'integer'] },
  StopContainer: { containerId: [1, 'text'], timeout: [2, 'integer'] },
  Exec: { containerId: [1, 'text'], cmd: [2, ['text']], timeout: [3, 'integer'] },
  ExecAnswer: { stdout: [1, 'bytes'], stderr: [2, 'bytes'], exitCode: [3, 'integer'] },
} as const;
export type MessageName = keyof typeof MESSAGES;

const VARINT = 0;
const DELIMITED = 2;

export function encode(name: MessageName, message: Message): Buffer {
  const fields = Object.entries(MESSAGES[name] as Readonly<Record<string, Field>>);
  return Buffer.concat(
    fields.flatMap(([key, [number, type]]) => {
      const value = message[key];
      if (value === undefined) return [];
      const [one, values] = typeof type === 'string' ? [type, [value]] : [type[0], value as readonly unknown[]];
      return values.flatMap((each) => encodeField(number, one, each));
    }),
  );
}

function encodeField(number: number, type: FieldType, value: unknown): Buffer[] {
  if (type === 'integer') return [varint((number << 3) | VARINT), varint(value as number)];
  if (type !== 'map') return delimited(number, type === 'text' ? Buffer.from(value as string) : bytesOf(type, value));
  return Object.entries(value as Message).flatMap(([key, entry]) =>
    delimited(number, encode('Entry', { key, value: entry })),
  );
}

function bytesOf(type: 'bytes' | MessageName, value: unknown): Buffer {
  return type === 'bytes' ? (value as Buffer) : encode(type, value as Message);
}

function delimited(number: number, bytes: Buffer): Buffer[] {
  return [varint((number << 3) | DELIMITED), varint(bytes.length), bytes];
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

/** Fields that are not described are skipped. */
export function decode(name: MessageName, bytes: Buffer): Message {
  const fields = Object.entries(MESSAGES[name] as Readonly<Record<string, Field>>);
  const message: Record<string, unknown> = {};
  let at = 0;
  const number = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    if (![VARINT, DELIMITED].includes(tag & 7)) throw new DecodeError(`${name}: wire type ${tag & 7} is not expected`);
    const size = number();
    const isNumber = (tag & 7) === VARINT;
    const content = isNumber ? Buffer.alloc(0) : bytes.subarray(at, (at += size));
    const found = fields.find(([, [id]]) => id === tag >> 3);
    if (found === undefined) continue;
    const [key, [, type]] = found;
    const one = typeof type === 'string' ? type : type[0];
    const value = isNumber ? size : decodeField(one, content);
    message[key] = typeof type === 'string' ? value : [...((message[key] as unknown[] | undefined) ?? []), value];
  }
  return message;
}

function decodeField(type: FieldType, content: Buffer): unknown {
  if (type === 'text') return content.toString();
  return type === 'bytes' || type === 'integer' || type === 'map' ? content : decode(type, content);
}
