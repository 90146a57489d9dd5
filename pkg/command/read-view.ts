/** The moment a command reads at. It costs nothing until the command has to wait or leaves a cursor behind. */

import { assert } from '../base/assert.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Workspace } from '../engine/workspace.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'

export class ReadView {
  readonly at: Timestamp
  readonly #workspace: Workspace
  #snapshot: Snapshot | undefined

  constructor(workspace: Workspace) {
    this.at = workspace.lastTimestamp
    this.#workspace = workspace
  }

  /**
   * Keeps what is read at `at`: to be called before the first yield, while nothing has been written since the view
   * was made. Later calls do nothing.
   */
  readonly keep = (): void => {
    if (this.#snapshot !== undefined) return
    const snapshot = this.#workspace.snapshot()
    assert(snapshot.timestamp === this.at, 'a view is kept in the turn in which it was made')
    this.#snapshot = snapshot
  }

  readonly release = (): void => {
    this.#snapshot?.release()
  }
}
