/**
 * The log: what was appended, in order, on disk before anybody is told so. Format: docs/format/log.md.
 *
 *   append -> buffer -> [gather] -> write -> fdatasync -> durable          or both in one call, when this thread waits for them
 *
 * One cycle of write and fdatasync serves everybody who waited when it began; who comes later waits for the next.
 * A cycle begins when somebody waits, after the I/O that is ready has been handled (so that the requests of many
 * connections share it), when a little time has passed since an append, or when the buffer is large. With one writer it
 * begins at once: see `SyncPace`.
 *
 * INVARIANTS
 *  (1) durableIndex <= lastIndex; both only grow, except by `truncateAfter`.
 *  (2) An entry is reported durable after a durable write of it, or an fdatasync that began after its last byte was written, has succeeded,
 *      and all entries before it are durable too.
 *  (3) After the first write or sync that failed, nothing is reported durable and nothing is appended any more:
 *      what is on disk is then known only to the next open.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { DiskError } from '../io/disk.ts'
import type { World } from '../io/world.ts'
import type { LargePayload } from './large-payload.ts'
import { LogCursor } from './log-cursor.ts'
import {
  emptyFrame,
  type Frame,
  frameHeaderLength,
  frameKind,
  frameLength,
  sealFrame,
  sealFrameHeader,
} from './log-frame.ts'
import { examineRemains, FrameReader, type LogEntry, PayloadInSegment } from './log-reader.ts'
import { type RecoveredLog, recoverLog, writeCut } from './log-recovery.ts'
import { corruption, Segment, segmentHeaderLength, windowBytesDefault } from './log-segment.ts'
import { LogSpace, type Spare } from './log-space.ts'
import { SyncPace } from './sync-pace.ts'

export type { LogEntry } from './log-reader.ts'

/** How long an entry that nobody waits for may stay in memory only. */
const lingerMs = 50
/** How long the log is idle before it writes down what is durable. */
const idleMs = 100
/** A buffer of this size is written without anybody asking for it. */
const bufferFullBytes = 4 * 1024 * 1024
/** A buffer that grew beyond this is given back. */
const bufferKeptBytes = 2 * bufferFullBytes
/** So much goes to the system's cache in less time than another thread takes to begin with it, however slow the disk is. */
const blockingWriteBytes = 256 * 1024
/** With more who wait, the thread has other work to do during a sync. Measured with 64: 90,000 durable appends a second, 62,000 handed over. */
const blockingWaitersMax = 64

export interface LogOptions {
  readonly segmentSizeBytes: number
  /** The first index that the reader has not seen; entries before it are checked but not handed to it. */
  readonly from: LogIndex
  /** How much of the log is in memory when it is read: entries that are larger are read piece by piece. */
  readonly windowBytes?: number
}

/** A stretch of the buffer that goes to one place in one segment. */
interface Run {
  readonly segment: Segment
  readonly position: number
  readonly start: number
  end: number
  /** Of an entry whose payload is in the segment already. */
  readonly large: LogEntry | undefined
}

/** One cycle's promise, shared by everybody who waits for it. */
interface Cycle {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: DatabaseError) => void
}

export class Log {
  /** Called once, when writing has failed for good. */
  onFailure: ((error: DatabaseError) => void) | undefined
  /** Called for each entry when it has become durable, in order; the entry is lent for the call. */
  onDurable: ((entry: LogEntry) => void) | undefined
  #lastIndex: LogIndex
  #lastTerm: Term
  #lastCrc: number
  #durableIndex: LogIndex
  /** The last index that a mark on disk calls durable. */
  #markedIndex: LogIndex

  readonly #world: World
  readonly #folder: string
  readonly #space: LogSpace
  readonly #segments: Segment[]
  readonly #windowBytes: number
  /** The segment that the next entry goes to, unless it is full, and where. */
  #segment: Segment
  #position: number

  #buffer: Uint8Array = new Uint8Array(64 * 1024)
  #buffered = 0
  #spareBuffer: Uint8Array | undefined
  #runs: Run[] = []
  #writingBuffer: Uint8Array | undefined
  #writingRuns: Run[] = []
  readonly #frame = emptyFrame()

  #phase: 'idle' | 'gathering' | 'writing' = 'idle'
  /** What those wait for who came since the running cycle began. */
  #next: Cycle | undefined
  #waiterCount = 0
  /** Those whom the running cycle serves. */
  #servedCount = 0
  #writing: Cycle | undefined
  #writingIndex = 0 as LogIndex
  /** Settles, without error, when the cycle that began last touches no file any more. */
  #cycle: Promise<void> | undefined
  #lingerTimerSet = false
  #idleTimerSet = false
  readonly #syncPace = new SyncPace()
  #failure: DatabaseError | undefined
  #closed = false

  /** Opens the log in `folder`, or begins one, and hands every entry from `options.from` on to `onEntry`. */
  static open(world: World, folder: string, options: LogOptions, onEntry: (entry: LogEntry) => void): Log {
    assert(options.segmentSizeBytes >= 1024, 'a segment has at least 1024 bytes')
    world.disk.makeDirectory(folder)
    world.disk.syncDirectory(folder.slice(0, Math.max(0, folder.lastIndexOf('/'))))
    const space = new LogSpace(world, folder, options.segmentSizeBytes)
    space.removeLeftovers()
    const windowBytes = options.windowBytes ?? windowBytesDefault
    const recovered =
      recoverLog(world.disk, folder, options.from, onEntry, windowBytes) ??
      beginLog(world, folder, space, options.from, windowBytes)
    return new Log(world, folder, space, recovered, windowBytes)
  }

  private constructor(world: World, folder: string, space: LogSpace, recovered: RecoveredLog, windowBytes: number) {
    this.#world = world
    this.#windowBytes = windowBytes
    this.#folder = folder
    this.#space = space
    this.#segments = recovered.segments
    this.#segment = recovered.segments.at(-1)!
    this.#position = recovered.position
    this.#lastIndex = recovered.lastIndex
    this.#lastTerm = recovered.lastTerm
    this.#lastCrc = recovered.lastCrc
    this.#durableIndex = recovered.lastIndex
    this.#markedIndex = recovered.markedIndex
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex
  }

  get lastTerm(): Term {
    return this.#lastTerm
  }

  get durableIndex(): LogIndex {
    return this.#durableIndex
  }

  /** The oldest entry that can still be read. */
  get firstIndex(): LogIndex {
    return this.#segments[0]!.firstIndex
  }

  /** Bytes of the segments on disk. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /**
   * Makes sure that an entry with this payload can be appended now. Throws OutOfDiskSpace when the disk has no room for
   * it, and then nothing has changed; throws the failure when the log has failed.
   */
  ensureSpace(payloadBytes: number): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#position + frameLength(payloadBytes) <= this.#segment.sizeBytes) return
    try {
      this.#space.ensure(payloadBytes)
    } catch (error) {
      if (error instanceof DatabaseError) throw error
      throw this.#fail(error)
    }
  }

  /** Appends payload[0, length); copies it. Cannot fail for want of space after `ensureSpace(length)`. */
  append(term: Term, timestamp: Timestamp, payload: Uint8Array, length: number): LogIndex {
    this.#refuseAppend(term)
    const size = frameLength(length)
    if (this.#position + size > this.#segment.sizeBytes) this.#beginSegment(length)
    const at = this.#reserve(size, undefined)
    if (length === payload.length) this.#buffer.set(payload, at + frameHeaderLength)
    else this.#buffer.set(payload.subarray(0, length), at + frameHeaderLength)
    const frame = this.#nextFrame(term, timestamp, length)
    this.#lastCrc = sealFrame(this.#buffer, at, frame, this.#segment.header.salt, this.#position)
    this.#appended(frame, size)
    if (this.#buffered >= bufferFullBytes) this.flush()
    return frame.index
  }

  /** A payload that is to be written to disk before it is appended. Throws the disk's errors. */
  newPayload(): LargePayload {
    if (this.#failure !== undefined) throw this.#failure
    return this.#space.newPayload()
  }

  /** Appends a payload that is finished: its file becomes the next segment. Needs no more space. */
  appendLarge(term: Term, timestamp: Timestamp, payload: LargePayload): LogIndex {
    this.#refuseAppend(term)
    payload.appended()
    this.#enterSegment({ file: payload.file, sizeBytes: payload.segmentBytes })
    const frame = this.#nextFrame(term, timestamp, payload.length)
    const { index } = frame
    const { head } = payload
    // The file is closed and opened again on its way.
    const source = new PayloadInSegment(this.#segment, this.#position + frameHeaderLength, payload.length)
    const large = { index, term, timestamp, bytes: head, start: 0, end: head.length, source }
    const at = this.#reserve(frameHeaderLength, large)
    const { salt } = this.#segment.header
    this.#lastCrc = sealFrameHeader(this.#buffer, at, frame, salt, this.#position, payload.crc)
    this.#appended(frame, frameLength(payload.length))
    return index
  }

  #refuseAppend(term: Term): void {
    if (this.#failure !== undefined) throw this.#failure
    assert(!this.#closed, 'the log is open')
    assert(term >= this.#lastTerm, 'terms do not go back')
  }

  #nextFrame(term: Term, timestamp: Timestamp, payloadLength: number): Frame {
    const frame = this.#frame
    frame.kind = frameKind.entry
    frame.index = (this.#lastIndex + 1) as LogIndex
    frame.term = term
    frame.timestamp = timestamp
    frame.durable = this.#durableIndex
    frame.payloadLength = payloadLength
    return frame
  }

  /** The frame of `size` bytes is in the buffer. */
  #appended({ index, term }: Frame, size: number): void {
    this.#segment.noteWaypoint(index, this.#position)
    this.#position += size
    this.#lastIndex = index
    this.#lastTerm = term
    if (!this.#lingerTimerSet) this.#setLingerTimer()
  }

  /** Resolves once every entry up to `index` is on disk; rejects with the failure of the log. */
  durable(index: LogIndex): Promise<void> {
    if (index <= this.#durableIndex) return Promise.resolve()
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    assert(index <= this.#lastIndex, 'only what was appended can become durable')
    if (this.#phase === 'writing' && index <= this.#writingIndex) {
      this.#servedCount++
      return (this.#writing ??= newCycle()).promise
    }
    this.#waiterCount++
    if (this.#phase === 'idle' && this.#syncPace.beginsAtOnce()) {
      this.#beginCycle()
      if (index <= this.#durableIndex) return Promise.resolve()
      if (this.#failure !== undefined) return Promise.reject(this.#failure)
      return (this.#writing ??= newCycle()).promise
    }
    this.#next ??= newCycle()
    this.#gather()
    return this.#next.promise
  }

  /** Something outside failed for good: nothing is reported durable or appended any more, and those who wait are told. */
  fail(cause: Error): void {
    this.#fail(cause)
  }

  /** Has what is buffered written and synced soon. */
  flush(): void {
    if (this.#buffered > 0) this.#gather()
  }

  /** Hands the entries from `from` to `to`, both included, to `onEntry`, durable or not. They must be there. */
  read(from: LogIndex, to: LogIndex, onEntry: (entry: LogEntry) => void): void {
    assert(from >= this.firstIndex && to <= this.#lastIndex, 'the log has the entries asked for')
    let wanted = from
    const accept = (entry: LogEntry): void => {
      if (entry.index !== wanted)
        throw corruption(this.#folder, 0, `entry ${wanted} is missing before entry ${entry.index}`)
      onEntry(entry)
      wanted++
    }
    // What is durable is in the files, the rest in the buffers.
    const bufferedFrom = this.#durableIndex + 1
    for (
      let at = this.#segments.findLastIndex((segment) => segment.firstIndex <= from);
      at < this.#segments.length;
      at++
    ) {
      const segment = this.#segments[at]!
      if (wanted > to || wanted >= bufferedFrom) break
      const last = Math.min(to, bufferedFrom - 1, (this.#segments[at + 1]?.firstIndex ?? Number.POSITIVE_INFINITY) - 1)
      readSegment(segment, wanted, last as LogIndex, accept)
      // A segment with a successor on disk is no longer written to.
      if (this.#segments[at + 1]?.isPublished) segment.release()
    }
    this.#readBuffered(this.#writingBuffer, this.#writingRuns, from, to, accept)
    this.#readBuffered(this.#buffer, this.#runs, from, to, accept)
    if (wanted <= to) throw corruption(this.#folder, 0, `entry ${wanted} cannot be read`)
  }

  /** Reads what is durable, from the entry `from` on, and what becomes durable later. */
  cursor(from: LogIndex): LogCursor {
    return new LogCursor(this, this.#segments, this.#folder, from)
  }

  /** The first entry of the last segment that begins at or before `timestamp`, or of the log. */
  firstEntryNear(timestamp: Timestamp): LogIndex {
    for (let at = this.#segments.length - 1; at > 0; at--) {
      const segment = this.#segments[at]!
      const first = this.#firstTimestamp(segment)
      if (first !== undefined && first <= timestamp) return segment.firstIndex
    }
    return this.firstIndex
  }

  /** The oldest entry to keep of a log of about `sizeBytes` that keeps whatever is newer than `since` in any case. */
  oldestWithin(sizeBytes: number, since: Timestamp): LogIndex {
    let kept = 0
    let at = this.#segments.length - 1
    for (; at > 0; at--) {
      const segment = this.#segments[at]!
      kept += segment.sizeBytes
      // A segment's last entry is older than the first of the next.
      const older = this.#firstTimestamp(segment)
      if (kept >= sizeBytes && older !== undefined && older < since) break
    }
    return this.#segments[at]!.firstIndex
  }

  /** undefined: none of its entries is on disk. */
  #firstTimestamp(segment: Segment): Timestamp | undefined {
    if (segment.firstIndex > this.#durableIndex) return undefined
    const known = segment.firstTimestamp
    if (segment !== this.#segment && this.#writingRuns.every((run) => run.segment !== segment)) segment.release()
    return known
  }

  /** Removes the segments that hold only entries before `index`. */
  truncateBefore(index: LogIndex): void {
    while (this.#segments.length > 1 && this.#segments[1]!.firstIndex <= index && this.#segments[1]!.isPublished) {
      // Oldest first and each durably, so that no crash leaves a gap.
      this.#segments.shift()!.remove()
    }
  }

  /** Removes every entry after `index`, durably. Nobody may append or wait meanwhile. */
  async truncateAfter(index: LogIndex): Promise<void> {
    if (index >= this.#lastIndex) return
    assert(index + 1 >= this.firstIndex, 'the log goes back to where it is cut')
    await this.#settle()
    const { disk } = this.#world
    for (const segment of this.#segments) segment.release()
    let recovered: RecoveredLog | undefined
    try {
      writeCut(disk, this.#folder, index)
      recovered = recoverLog(disk, this.#folder, (index + 1) as LogIndex, () => undefined, this.#windowBytes)
    } catch (error) {
      throw this.#fail(error)
    }
    assert(recovered !== undefined && recovered.lastIndex === index, 'the cut left what was to stay')
    this.#segments.splice(0, this.#segments.length, ...recovered.segments)
    this.#segment = this.#segments.at(-1)!
    this.#position = recovered.position
    this.#lastIndex = index
    this.#lastTerm = recovered.lastTerm
    this.#lastCrc = recovered.lastCrc
    this.#durableIndex = index
    this.#markedIndex = recovered.markedIndex
  }

  /** Makes everything durable, notes that it is, and closes the files. Rejects with the failure of the log. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#settle()
      if (this.#mark()) this.#segment.file.sync()
    } catch (error) {
      throw this.#fail(error)
    } finally {
      await this.#cycle
      // A file of the same name may be another process's after this.
      await this.#space.dropped()
      this.#space.discard()
      for (const segment of this.#segments) segment.release()
    }
  }

  /** Waits until everything is durable and nothing is being written; throws the failure. */
  async #settle(): Promise<void> {
    while (this.#failure === undefined && (this.#durableIndex < this.#lastIndex || this.#phase !== 'idle')) {
      await this.durable(this.#lastIndex)
      if (this.#phase !== 'idle') await this.#world.clock.yield()
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Goes on in the next segment, which `ensureSpace` prepared. */
  #beginSegment(payloadBytes: number): void {
    this.ensureSpace(payloadBytes)
    const spare = this.#space.take()
    assert(spare !== undefined, 'there is room for the entry')
    this.#enterSegment(spare)
  }

  #enterSegment({ file, sizeBytes }: Spare): void {
    // An empty segment that is too small for the entry is replaced by one of the same name.
    if (this.#segment.firstIndex > this.#lastIndex) this.#segments.pop()!.release()
    const header = {
      salt: Math.floor(this.#world.random.next() * 2 ** 32),
      firstIndex: (this.#lastIndex + 1) as LogIndex,
      previousTerm: this.#lastTerm,
      previousCrc: this.#lastCrc,
      sizeBytes,
    }
    this.#segment = Segment.prepared(this.#world.disk, this.#folder, header, file, this.#windowBytes)
    this.#segments.push(this.#segment)
    this.#position = segmentHeaderLength
  }

  /** Makes room for `size` bytes in the buffer, as part of a run; returns where they go. */
  #reserve(size: number, large: LogEntry | undefined): number {
    const start = this.#buffered
    if (start + size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(2 * this.#buffer.length, start + size))
      larger.set(this.#buffer.subarray(0, start))
      this.#buffer = larger
    }
    this.#buffered = start + size
    const run = this.#runs.at(-1)
    if (run !== undefined && run.segment === this.#segment && run.large === undefined) run.end = this.#buffered
    else this.#runs.push({ segment: this.#segment, position: this.#position, start, end: this.#buffered, large })
    return start
  }

  #gather(): void {
    if (this.#phase !== 'idle') return
    this.#phase = 'gathering'
    this.#world.clock.defer(() => this.#beginCycle())
  }

  /** One cycle: whatever is buffered now becomes durable, in this turn when it is to block. */
  #beginCycle(): void {
    if (this.#failure !== undefined) return
    this.#phase = 'writing'
    const isSmall = this.#buffered <= blockingWriteBytes
    const isBrief = isSmall && this.#waiterCount <= blockingWaitersMax && this.#syncPace.blocks
    const buffer = this.#buffer
    const runs = this.#runs
    this.#writing = this.#next
    this.#writingIndex = this.#lastIndex
    this.#writingBuffer = buffer
    this.#writingRuns = runs
    this.#next = undefined
    this.#servedCount = this.#waiterCount
    this.#waiterCount = 0
    this.#runs = []
    this.#buffered = 0
    this.#buffer = this.#spareBuffer ?? new Uint8Array(64 * 1024)
    this.#spareBuffer = undefined
    if (isBrief) this.#writeBriefly(buffer, runs)
    else {
      this.#cycle = this.#write(buffer, runs, isSmall).catch((error: unknown) => {
        this.#fail(error)
      })
    }
  }

  #writeBriefly(buffer: Uint8Array, runs: readonly Run[]): void {
    const { clock } = this.#world
    try {
      for (const { segment, position, start, end, large } of runs) {
        // The runs before are durable, so the segment that holds them is complete.
        if (!segment.isPublished) this.#publish(segment)
        const { file } = segment
        const started = clock.monotonicMs()
        if (large === undefined) file.appendDurably(buffer, start, end - start, position)
        else {
          // Its payload is there already, and follows.
          file.write(buffer, start, end - start, position)
          file.sync()
        }
        this.#syncPace.noteBlocking(clock.monotonicMs() - started)
      }
      this.#endCycle(buffer)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #write(buffer: Uint8Array, runs: readonly Run[], isSmall: boolean): Promise<void> {
    const { clock } = this.#world
    for (const { segment, position, start, end } of runs) {
      // Something else may have failed meanwhile.
      if (this.#failure !== undefined) return
      // As above.
      if (!segment.isPublished) this.#publish(segment)
      const { file } = segment
      if (isSmall) file.write(buffer, start, end - start, position)
      else await file.writeAsync(buffer, start, end - start, position)
      const started = clock.monotonicMs()
      const idleBefore = clock.idleMs()
      await file.syncAsync()
      this.#syncPace.noteHandedOver(clock.monotonicMs() - started, clock.idleMs() - idleBefore)
    }
    this.#endCycle(buffer)
  }

  #endCycle(buffer: Uint8Array): void {
    // A failure that was found elsewhere meanwhile stands: everybody has been told.
    if (this.#failure !== undefined) return
    const cycle = this.#writing
    const durableBefore = this.#durableIndex
    const runs = this.#writingRuns
    this.#durableIndex = this.#writingIndex
    this.#writing = undefined
    this.#writingBuffer = undefined
    this.#writingRuns = []
    if (this.onDurable !== undefined)
      this.#readBuffered(buffer, runs, (durableBefore + 1) as LogIndex, this.#durableIndex, this.onDurable)
    if (buffer.length <= bufferKeptBytes) this.#spareBuffer = buffer
    this.#phase = 'idle'
    this.#syncPace.noteServed(this.#servedCount, this.#waiterCount)
    if (this.#next !== undefined || this.#buffered >= bufferFullBytes) this.#gather()
    if (this.#position > this.#segment.sizeBytes / 2 && !this.#closed) this.#space.prepare()
    if (!this.#idleTimerSet) this.#setIdleTimer()
    cycle?.resolve()
  }

  #publish(segment: Segment): void {
    segment.publish()
    const before = this.#segments[this.#segments.indexOf(segment) - 1]
    before?.release()
  }

  #setLingerTimer(): void {
    this.#lingerTimerSet = true
    this.#world.clock.setTimer(lingerMs, () => {
      this.#lingerTimerSet = false
      if (this.#failure !== undefined) return
      if (this.#phase === 'writing' && this.#buffered > 0) this.#setLingerTimer()
      else this.flush()
    })
  }

  /** After a while without a sync, notes what is durable. */
  #setIdleTimer(): void {
    this.#idleTimerSet = true
    const seen = this.#durableIndex
    this.#world.clock.setTimer(idleMs, () => {
      this.#idleTimerSet = false
      if (this.#failure !== undefined || this.#closed) return
      if (this.#durableIndex !== seen) {
        this.#setIdleTimer()
        return
      }
      try {
        this.#mark()
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  /**
   * Writes a mark: a frame that says what is durable, so that later damage to the last entries is not taken for a write
   * that a crash cut short. Needs no sync: without it, the log is as good as before. Returns whether one was due.
   */
  #mark(): boolean {
    const size = frameLength(0)
    const isDue = this.#durableIndex === this.#lastIndex && this.#markedIndex < this.#lastIndex
    if (!isDue || this.#phase !== 'idle' || this.#position + size > this.#segment.sizeBytes) return false
    const bytes = new Uint8Array(size)
    const frame = {
      ...emptyFrame(),
      kind: frameKind.mark,
      index: this.#lastIndex,
      term: this.#lastTerm,
      durable: this.#durableIndex,
    }
    sealFrame(bytes, 0, frame, this.#segment.header.salt, this.#position)
    this.#segment.file.write(bytes, 0, size, this.#position)
    this.#position += size
    this.#markedIndex = this.#lastIndex
    return true
  }

  /** Ends the log; returns what everybody is told from now on. */
  #fail(cause: unknown): DatabaseError {
    if (this.#failure !== undefined) return this.#failure
    const message = `the log cannot be written any more; restart the database: ${(cause as Error).message}`
    const full = cause instanceof DiskError && cause.code === 'ENOSPC'
    const failure = new DatabaseError(full ? 'OutOfDiskSpace' : 'InternalError', message)
    this.#failure = failure
    this.#space.discard()
    this.#writing?.reject(failure)
    this.#next?.reject(failure)
    this.onFailure?.(failure)
    return failure
  }

  #readBuffered(
    buffer: Uint8Array | undefined,
    runs: readonly Run[],
    from: LogIndex,
    to: LogIndex,
    onEntry: (entry: LogEntry) => void,
  ): void {
    if (buffer === undefined) return
    for (const run of runs) {
      if (run.large !== undefined) {
        if (run.large.index >= from && run.large.index <= to) onEntry(run.large)
        continue
      }
      const frames = new FrameReader(run.segment, run.position, { bytes: buffer, start: run.start, end: run.end })
      while (frames.next()) if (frames.frame.index >= from && frames.frame.index <= to) onEntry(frames.entry())
    }
  }
}

function newCycle(): Cycle {
  return Promise.withResolvers<void>()
}

/** The first segment of a log that is not there yet. */
function beginLog(world: World, folder: string, space: LogSpace, from: LogIndex, windowBytes: number): RecoveredLog {
  if (from !== 1) throw corruption(folder, 0, `there is no log, and entry ${from - 1} was durable`)
  space.ensure(0)
  const spare = space.take()!
  const salt = Math.floor(world.random.next() * 2 ** 32)
  const header = { salt, firstIndex: from, previousTerm: 0 as Term, previousCrc: 0, sizeBytes: spare.sizeBytes }
  const segment = Segment.prepared(world.disk, folder, header, spare.file, windowBytes)
  try {
    segment.publish()
  } catch (error) {
    segment.release()
    throw error
  }
  return {
    segments: [segment],
    position: segmentHeaderLength,
    lastIndex: (from - 1) as LogIndex,
    lastTerm: 0 as Term,
    lastCrc: 0,
    markedIndex: 0 as LogIndex,
  }
}

function readSegment(segment: Segment, from: LogIndex, to: LogIndex, onEntry: (entry: LogEntry) => void): void {
  const start = segment.startFor(from)
  let frames = new FrameReader(segment, start.position)
  let index = start.index - 1
  while (index < to) {
    if (!frames.next()) {
      const { resumesAt } = examineRemains(segment, frames.end, (index + 1) as LogIndex)
      if (resumesAt === undefined) throw corruption(segment.path, frames.end, `entry ${index + 1} cannot be read`)
      frames = new FrameReader(segment, resumesAt)
      continue
    }
    if (frames.frame.kind !== frameKind.entry) continue
    index = frames.frame.index
    segment.noteWaypoint(frames.frame.index, frames.position)
    if (index >= from && index <= to) onEntry(frames.entry())
  }
}
