/**
 * Checks of the shape of decoded messages, composed from small ones. For the two ends of the router port: its programs load
 * in milliseconds, which a schema library would double.
 */
import { isIP } from 'node:net';

export type Check = (value: unknown) => boolean;
export type Shape = Readonly<Record<string, Check>>;

const MAX_TEXT_LENGTH = 256;
const MAX_PORT = 65_535;

export const text: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT_LENGTH;
export const nodeId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
/** A finite number from 0 on. */
export const count: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
export const ratio: Check = (value) => typeof value === 'number' && value >= 0 && value <= 1;
export const flag: Check = (value) => typeof value === 'boolean';
export const bytes: Check = (value) => value instanceof Uint8Array;
/** As `parseIpAddress` takes it: without a zone identifier. */
export const ip: Check = (value) => typeof value === 'string' && isIP(value) !== 0 && !value.includes('%');

export function integer(min: number, max: number): Check {
  return (value) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}
export const port = integer(1, MAX_PORT);

export function oneOf(...values: readonly string[]): Check {
  return (value) => typeof value === 'string' && values.includes(value);
}

export function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

export function orAbsent(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function listOf(check: Check, maxLength: number): Check {
  return (value) => Array.isArray(value) && value.length <= maxLength && value.every(check);
}

/** Fields that the shape does not name are ignored. */
export function object(shape: Shape): Check {
  const fields = Object.entries(shape);
  return (value) => isRecord(value) && fields.every(([name, check]) => check(value[name]));
}

/** An object whose fields, whatever their names, all pass. */
export function mapOf(check: Check): Check {
  return (value) => isRecord(value) && Object.values(value).every(check);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
