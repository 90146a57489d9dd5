/** The moment a command reads at. It costs nothing until the command has to wait or leaves a cursor behind. */

import { assert } from '../base/assert.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Engine } from '../engine/engine.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'

export class ReadView {
  readonly at: Timestamp
  readonly #engine: Engine
  #snapshot: Snapshot | undefined

  constructor(engine: Engine) {
    this.at = engine.lastTimestamp
    this.#engine = engine
  }

  /**
   * Keeps what is read at `at`: to be called before the first yield, while nothing has been written since the view
   * was made. Later calls do nothing.
   */
  readonly keep = (): void => {
    if (this.#snapshot !== undefined) return
    const snapshot = this.#engine.snapshot()
    assert(snapshot.timestamp === this.at, 'a view is kept in the turn in which it was made')
    this.#snapshot = snapshot
  }

  readonly release = (): void => {
    this.#snapshot?.release()
  }
}
