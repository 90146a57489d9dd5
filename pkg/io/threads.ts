/** Other threads as a parameter: those of the host in production, none at all in the simulated world. */

export interface Threads {
  /**
   * A thread that runs the module `entry`, which answers messages one after the other. `answer`: what it answers with, for a world that has
   * no threads.
   */
  start(entry: URL, answer: (message: unknown) => Answer): Thread
}

export interface Answer {
  readonly message: unknown
  /** Buffers of the message that its receiver is given instead of copies. */
  readonly transfer: readonly ArrayBuffer[]
}

export interface Thread {
  /** Sends a message and resolves with the answer; one at a time. Rejects with `ThreadEnded` when the thread ends without one. */
  ask(message: unknown): Promise<unknown>
  /** Ends the thread, whatever it is doing. */
  stop(): void
}

export class ThreadEnded extends Error {
  override readonly name = 'ThreadEnded'
  /** It needed more memory than a thread may have. */
  readonly outOfMemory: boolean

  constructor(message: string, outOfMemory = false) {
    super(message)
    this.outOfMemory = outOfMemory
  }
}
