/** Stream to the router as {@link RouterClient} needs it, and its implementation: a unix socket. */
import { connect } from 'node:net';

export interface RouterStream {
  /** Queues bytes; `handedOver` is called once the kernel has taken them. */
  write(bytes: Uint8Array, handedOver?: () => void): void;
  /** Bytes queued in this process. */
  readonly queuedBytes: number;
  /** Closes once all that was written is handed over. */
  end(): void;
  /** Closes at once; what is queued is lost. */
  close(): void;
}

export interface RouterStreamListener {
  onOpen(): void;
  onBytes(bytes: Uint8Array): void;
  /** Called once, whether the stream was open or could not be opened. */
  onClose(reason: string): void;
}

export type OpenRouterStream = (listener: RouterStreamListener) => RouterStream;

/** Opens streams to the unix socket at `path`. What is written in one go reaches the kernel, and wakes the router, in one. */
export function connectRouter(path: string): OpenRouterStream {
  return (listener) => {
    const socket = connect(path);
    let reason = 'the router closed the connection';
    socket.once('connect', () => listener.onOpen());
    socket.on('data', (chunk) => listener.onBytes(chunk));
    socket.on('error', (error) => (reason = error.message));
    socket.once('close', () => listener.onClose(reason));
    return {
      write: (bytes, handedOver) => {
        if (socket.writableCorked === 0) {
          socket.cork();
          process.nextTick(() => socket.uncork());
        }
        socket.write(bytes, () => handedOver?.());
      },
      get queuedBytes() {
        return socket.writableLength;
      },
      end: () => void socket.end(),
      close: () => void socket.destroy(),
    };
  };
}
