/**
 * Reads the log from some entry on, one at a time, and goes on when more has become durable: for change streams.
 *
 * INVARIANTS
 *  (1) It gives entries that are durable, each once, in the order of their indexes.
 *  (2) It keeps no segment from being removed: an entry that is gone when its turn comes ends it with an error.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import { frameKind } from './log-frame.ts'
import { examineRemains, FrameReader, type LogEntry } from './log-reader.ts'
import { corruption, type Segment } from './log-segment.ts'

/** How far the log reaches. */
export interface LogReach {
  readonly firstIndex: LogIndex
  readonly durableIndex: LogIndex
}

export class LogCursor {
  readonly #log: LogReach
  /** The log's own list, which loses its first segments and grows at its end. */
  readonly #segments: readonly Segment[]
  readonly #folder: string
  /** The entry that comes next. */
  #wanted: LogIndex
  #segment: Segment | undefined
  #frames: FrameReader | undefined

  constructor(log: LogReach, segments: readonly Segment[], folder: string, from: LogIndex) {
    this.#log = log
    this.#segments = segments
    this.#folder = folder
    this.#wanted = from
  }

  /** The index of the entry that `next` gives next. */
  get nextIndex(): LogIndex {
    return this.#wanted
  }

  /**
   * The next entry, lent until the next call, but for its `source`; undefined: it is not durable yet, or, with `framesMax`, so many frames
   * were looked at without coming to it, or, with `checkBytesMax`, so much of one was checked. Errors: ChangeStreamHistoryLost when it has been removed, DataCorruptionDetected.
   */
  next(framesMax = Number.POSITIVE_INFINITY, checkBytesMax = Number.POSITIVE_INFINITY): LogEntry | undefined {
    if (this.#wanted > this.#log.durableIndex) return undefined
    if (this.#wanted < this.#log.firstIndex) throw historyLost()
    for (let frames = 0; frames < framesMax; frames++) {
      const reader = this.#reader()
      const look = reader.look(checkBytesMax)
      if (look === 'unfinished') return undefined
      if (look === 'none') {
        this.#refresh(reader.end)
        continue
      }
      const { kind, index } = reader.frame
      if (kind !== frameKind.entry) continue
      this.#segment!.noteWaypoint(index, reader.position)
      if (index < this.#wanted) continue
      if (index > this.#wanted) {
        throw corruption(this.#folder, 0, `entry ${this.#wanted} is missing before entry ${index}`)
      }
      this.#wanted = (index + 1) as LogIndex
      return reader.entry()
    }
    return undefined
  }

  /** Whether there is a durable entry to be read. */
  get hasMore(): boolean {
    return this.#wanted <= this.#log.durableIndex
  }

  close(): void {
    this.#leave()
  }

  #reader(): FrameReader {
    const at = this.#segments.findLastIndex((segment) => segment.firstIndex <= this.#wanted)
    const segment = this.#segments[at]
    assert(segment !== undefined, 'the log has the entry that is read')
    if (segment !== this.#segment || this.#frames === undefined) {
      this.#leave()
      this.#segment = segment
      this.#frames = new FrameReader(segment, segment.startFor(this.#wanted).position)
    }
    return this.#frames
  }

  /** At the end of what the reader saw of the segment: looks at the file again, past marks that are damaged. */
  #refresh(position: number): void {
    const segment = this.#segment!
    const fresh = new FrameReader(segment, position)
    if (fresh.next()) {
      this.#frames = new FrameReader(segment, position)
      return
    }
    const { resumesAt } = examineRemains(segment, position, this.#wanted)
    if (resumesAt === undefined) throw corruption(segment.path, position, `entry ${this.#wanted} cannot be read`)
    this.#frames = new FrameReader(segment, resumesAt)
  }

  #leave(): void {
    const segment = this.#segment
    this.#segment = undefined
    this.#frames = undefined
    if (segment === undefined) return
    const at = this.#segments.indexOf(segment)
    // A segment with a successor on disk is no longer written to, and one that has been removed has no file.
    if (at >= 0 && this.#segments[at + 1]?.isPublished === true) segment.release()
  }
}

/** What a change stream is told whose place in the log is gone. */
export function historyLost(): DatabaseError {
  return new DatabaseError(
    'ChangeStreamHistoryLost',
    'Resume of change stream was not possible, as the resume point may no longer be in the oplog.',
    {},
    ['NonResumableChangeStreamError'],
  )
}
