/** The lock of `fsync {lock: true}`: while anybody holds it, writes wait. It is counted, and belongs to no connection. */
import { DatabaseError } from '../base/errors.ts'
import type { Operation } from './operation.ts'

export class FsyncLock {
  #count = 0
  readonly #waiting = new Set<() => void>()

  get held(): boolean {
    return this.#count > 0
  }

  /** How often it is held now. */
  lock(): number {
    return ++this.#count
  }

  /** How often it is held afterwards. Errors: IllegalOperation when nobody holds it. */
  unlock(): number {
    if (this.#count === 0) throw new DatabaseError('IllegalOperation', 'fsyncUnlock called when not locked')
    this.#count--
    if (this.#count === 0) {
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const wake of waiting) wake()
    }
    return this.#count
  }

  /** Until nobody holds it; throws when the operation is killed or out of time before. */
  async released(operation: Operation): Promise<void> {
    while (this.held) {
      await new Promise<void>((resolve) => {
        const { clock } = operation.instance.world
        const wake = (): void => {
          timer?.cancel()
          this.#waiting.delete(wake)
          resolve()
        }
        const timer = operation.hasDeadline ? clock.setTimer(Math.max(1, operation.remainingMs), wake) : undefined
        this.#waiting.add(wake)
        operation.whenKilled(wake)
      })
      operation.check()
    }
  }
}
