/** Capture of the frames that pass a device, kept whole and in order. */
import { DemoError } from '../../common/errors.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { PacketCapture } from '../../deploy/demo/machine/packet-capture.js';
import type { CapturedPacket } from '../../deploy/demo/machine/pcap-reader.js';

/** 64 MiB in slots of `snapBytes`: a thousand of the largest frames. */
const BUFFER_KIBIBYTES = 64 << 10;
/** The largest frame: 64 KiB of packet and its Ethernet header. */
const WHOLE_FRAME_BYTES = (64 << 10) + 18;

export class Capture {
  private constructor(
    readonly capture: PacketCapture,
    readonly packets: readonly CapturedPacket[],
  ) {}

  /** Resolves when it captures. @param filter in tcpdump's language @param snapBytes bytes kept of each frame */
  static async start(
    namespace: NetworkNamespace,
    device: string,
    filter: string,
    snapBytes = WHOLE_FRAME_BYTES,
  ): Promise<Capture> {
    const packets: CapturedPacket[] = [];
    const options = { snapBytes, bufferKibibytes: BUFFER_KIBIBYTES, filter };
    const capture = await PacketCapture.start(namespace, device, (packet) => packets.push(packet), options);
    return new Capture(capture, packets);
  }

  /** Ends the capture and gives the captured bytes of each frame. */
  async stop(): Promise<Buffer[]> {
    await this.#end();
    return this.packets.map(({ bytes }) => bytes);
  }

  /** Ends the capture and gives the length of each frame in bytes, also of frames of which less was kept. */
  async stopForLengths(): Promise<number[]> {
    await this.#end();
    return this.packets.map(({ originalLength }) => originalLength);
  }

  async #end(): Promise<void> {
    const dropped = await this.capture.stop();
    if (dropped > 0) throw new DemoError(`capture is incomplete: the kernel dropped ${dropped} packets`);
  }
}
