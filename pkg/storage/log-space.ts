/**
 * Room for the log: files of synced zeros, made before they are needed, so that an append changes no file's size and a
 * full disk shows before anything was written.
 *
 * A file that is not a segment yet is called `spare-<number>`; what a crash leaves of such files is removed at open.
 */
import { DatabaseError } from '../base/errors.ts'
import { DiskError, type File } from '../io/disk.ts'
import type { World } from '../io/world.ts'
import { LargePayload } from './large-payload.ts'
import { frameLength } from './log-frame.ts'
import { segmentHeaderLength } from './log-segment.ts'

const chunk = new Uint8Array(1024 * 1024)
const syncEveryBytes = 4 * chunk.length
/** A log begins with a small segment, so that a new database is quick to open, and grows them by this factor. */
const firstSizeBytes = 1024 * 1024
const growth = 8
/** After the disk was found full, how long further writes are refused without filling it up again to see. */
const refusalMs = 1000

export interface Spare {
  readonly file: File
  readonly sizeBytes: number
}

export class LogSpace {
  readonly #world: World
  readonly #folder: string
  readonly #segmentSizeBytes: number
  /** How large the next segment is made. */
  #nextSizeBytes: number
  #ready: Spare | undefined
  /** The file that is being filled in the background; the fill ends when it is no longer this one. */
  #filling: File | undefined
  #spareCount = 0
  readonly #dropping = new Set<Promise<void>>()
  /** Then the next spare is made by `ensure`, which has somebody to tell. */
  #preparationFailed = false
  #fullUntilMs = Number.NEGATIVE_INFINITY

  constructor(world: World, folder: string, segmentSizeBytes: number) {
    this.#world = world
    this.#folder = folder
    this.#segmentSizeBytes = segmentSizeBytes
    this.#nextSizeBytes = Math.min(segmentSizeBytes, firstSizeBytes)
  }

  /** Removes what an earlier process left. */
  removeLeftovers(): void {
    for (const name of this.#world.disk.list(this.#folder)) {
      if (name.startsWith('spare-')) this.#world.disk.remove(`${this.#folder}/${name}`)
    }
  }

  /** Whether a frame of `frameBytes` fits into the spare that is ready. */
  holds(frameBytes: number): boolean {
    return this.#ready !== undefined && segmentHeaderLength + frameBytes <= this.#ready.sizeBytes
  }

  /** A payload to be written before it is appended. */
  newPayload(): LargePayload {
    return new LargePayload(this.#create(), (file, inUse) => {
      if (inUse === undefined) this.#drop(file)
      else this.#dropAfter(file, inUse)
    })
  }

  /** Resolves when no file is in use that is to be removed. */
  async dropped(): Promise<void> {
    await Promise.all(this.#dropping)
  }

  #dropAfter(file: File, inUse: Promise<void>): void {
    // How it ended is told to who began it.
    const done = Promise.allSettled([inUse]).then(() => {
      this.#dropping.delete(done)
      this.#drop(file)
    })
    this.#dropping.add(done)
  }

  /** Begins to prepare the next segment, unless one is there. A full disk is not reported here but by `ensure`. */
  prepare(): void {
    if (this.#ready !== undefined || this.#filling !== undefined || this.#preparationFailed || this.#isKnownFull())
      return
    let file: File
    try {
      file = this.#create()
    } catch (error) {
      this.#noteFailure(error)
      return
    }
    this.#filling = file
    this.#fill(file).catch((error: unknown) => this.#noteFailure(error))
  }

  /** Has room for one frame with this payload in the next segment when it returns; else throws OutOfDiskSpace or the disk's error. */
  ensure(payloadLength: number): void {
    const frameBytes = frameLength(payloadLength)
    if (this.holds(frameBytes)) return
    if (this.#isKnownFull()) throw outOfSpace()
    this.#giveUpFilling()
    const sizeBytes = Math.max(this.#nextSizeBytes, segmentHeaderLength + frameBytes)
    let file: File | undefined
    try {
      file = this.#create()
      for (let at = 0; at < sizeBytes; at += chunk.length)
        file.write(chunk, 0, Math.min(chunk.length, sizeBytes - at), at)
      file.sync()
    } catch (error) {
      if (file !== undefined) this.#drop(file)
      this.#noteFailure(error)
      throw error instanceof DiskError && error.code === 'ENOSPC' ? outOfSpace() : error
    }
    // Only now: a smaller one may have been promised to the unit that asks for more, and must stay if there is no more.
    if (this.#ready !== undefined) this.#drop(this.#ready.file)
    this.#ready = { file, sizeBytes }
    this.#preparationFailed = false
  }

  /** Hands over the spare that `ensure` made sure of. */
  take(): Spare | undefined {
    const spare = this.#ready
    this.#ready = undefined
    this.#nextSizeBytes = Math.min(this.#segmentSizeBytes, this.#nextSizeBytes * growth)
    return spare
  }

  /** Gives up what is ready or being prepared. */
  discard(): void {
    if (this.#ready !== undefined) this.#drop(this.#ready.file)
    this.#ready = undefined
    this.#giveUpFilling()
  }

  #giveUpFilling(): void {
    if (this.#filling !== undefined) this.#drop(this.#filling)
    this.#filling = undefined
  }

  /** Makes `file` the spare that is ready, unless it is given up meanwhile. */
  async #fill(file: File): Promise<void> {
    const sizeBytes = this.#nextSizeBytes
    try {
      for (let at = 0; at < sizeBytes; at += chunk.length) {
        await file.writeAsync(chunk, 0, Math.min(chunk.length, sizeBytes - at), at)
        if (this.#filling !== file) return
        // A little at a time, so that the log's own syncs do not queue behind all of it.
        if (at % syncEveryBytes === 0) await file.syncAsync()
        if (this.#filling !== file) return
      }
      await file.syncAsync()
    } catch (error) {
      if (this.#filling !== file) return
      this.#filling = undefined
      this.#drop(file)
      throw error
    }
    if (this.#filling !== file) return
    this.#filling = undefined
    this.#ready = { file, sizeBytes }
  }

  #create(): File {
    return this.#world.disk.open(`${this.#folder}/spare-${++this.#spareCount}`, { create: true })
  }

  #drop(file: File): void {
    file.close()
    try {
      this.#world.disk.remove(file.path)
    } catch (error) {
      // A file too many does no harm, and goes at the next open; the disk's condition shows at the next write.
      this.#noteFailure(error)
    }
  }

  #noteFailure(error: unknown): void {
    this.#preparationFailed = true
    if (error instanceof DiskError && error.code === 'ENOSPC')
      this.#fullUntilMs = this.#world.clock.monotonicMs() + refusalMs
  }

  #isKnownFull(): boolean {
    return this.#world.clock.monotonicMs() < this.#fullUntilMs
  }
}

function outOfSpace(): DatabaseError {
  return new DatabaseError('OutOfDiskSpace', 'there is no space left on the disk for the log')
}
