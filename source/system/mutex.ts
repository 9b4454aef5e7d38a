/** Runs tasks one after the other, in the order they asked. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  /** Resolves to the release function once everyone before has released. */
  async acquire(): Promise<() => void> {
    const previous = this.#tail;
    const {promise, resolve} = Promise.withResolvers<void>();
    this.#tail = promise;
    await previous;
    return resolve;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    const release = await this.acquire();
    try {
      return await task();
    } finally {
      release();
    }
  }
}
