/** Hostile clients of one door, several at a time, while one that means well asks how long it has to wait. */

export interface FuzzReport {
  requests: number
  /** How often each answer came; `closed`: a stream or connection without one. */
  readonly answers: Map<string, number>
  /** The longest that a ping, sent meanwhile on a connection of its own, took. */
  longestPingMs: number
}

/** Where chance comes from. */
export interface Choices {
  /** From 0 to `limit` - 1. */
  integer(limit: number): number
}

const lanes = 16

export abstract class Fuzz {
  readonly report: FuzzReport = { requests: 0, answers: new Map(), longestPingMs: 0 }
  protected readonly random: Choices
  #wanted = 0

  constructor(random: Choices) {
    this.random = random
  }

  /** Sends `count` requests. Throws when one is not answered, or when the server does not serve meanwhile. */
  async run(count: number): Promise<void> {
    this.#wanted += count
    let isRunning = true
    const sending = Promise.all(Array.from({ length: lanes }, () => this.#lane())).finally(() => {
      isRunning = false
    })
    await Promise.all([sending, this.#pingWhile(() => isRunning)])
  }

  abstract close(): void

  /** One hostile request; what came of it. Rejects when nothing came, or what must not come. */
  protected abstract one(): Promise<string>

  /** One request that means well. Rejects when it is not served as it should be. */
  protected abstract ping(): Promise<void>

  async #pingWhile(isRunning: () => boolean): Promise<void> {
    while (isRunning()) {
      const begin = performance.now()
      await this.ping()
      this.report.longestPingMs = Math.max(this.report.longestPingMs, performance.now() - begin)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async #lane(): Promise<void> {
    while (this.report.requests < this.#wanted) {
      this.report.requests++
      const answer = await this.one()
      this.report.answers.set(answer, (this.report.answers.get(answer) ?? 0) + 1)
    }
  }

  protected pick<T>(choices: readonly T[]): T {
    return choices[this.random.integer(choices.length)]!
  }

  protected bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.random.integer(most) }, () => this.random.integer(256)))
  }

  /** The bytes with some of them changed, sometimes cut. */
  protected damaged(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes)
    for (let n = this.random.integer(4); n > 0 && copy.length > 0; n--)
      copy[this.random.integer(copy.length)] = this.random.integer(256)
    return this.random.integer(5) === 0 ? copy.subarray(0, this.random.integer(copy.length + 1)) : copy
  }
}
