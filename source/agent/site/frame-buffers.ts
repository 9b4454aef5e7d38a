import {onSettle} from '../memory.js';

/**
 * Buffers for frames on their way out, used in turn. Whoever sends holds back while more than a few frames wait for the
 * network (send-request.ts, register-endpoint.ts), so the one used longest ago has left; were it not so, the receiver
 * would find that the content is not what its digest says. Made anew for each frame they would keep the garbage
 * collector busy for a quarter of the time.
 */
export class FrameBuffers {
  readonly #size: number;
  readonly #buffers: Buffer[] = [];
  #next = 0;

  private constructor(size: number) {
    this.#size = size;
  }

  /** @param size of each, in bytes. */
  static take(size: number): FrameBuffers {
    return idle.get(size)?.pop() ?? new FrameBuffers(size);
  }

  next(): Buffer {
    const at = this.#next;
    this.#next = (at + 1) % Math.ceil(heldBytes / this.#size);
    this.#buffers[at] ??= Buffer.allocUnsafeSlow(this.#size);
    return this.#buffers[at];
  }

  /** The last frames may still be on their way: whoever takes these buffers next goes on in turn. */
  giveBack(): void {
    const others = idle.get(this.#size);
    if (others === undefined) idle.set(this.#size, [this]);
    else if (others.length < idleKept) others.push(this);
  }
}

/** Bytes of all buffers together: more than twice of what may be on its way. */
const heldBytes = 6 * 1024 * 1024;
const idleKept = 2;
const idle = new Map<number, FrameBuffers[]>();
onSettle(() => idle.clear());
