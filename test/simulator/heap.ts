/** Heap in use after a full collection; without `--expose-gc`, what is in use now. */
export function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
