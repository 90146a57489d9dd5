/**
 * Documents that a stage holds, by number in the order in which they came: in memory, and beyond the limit in a temporary file.
 *
 * They are copied into chunks. A chunk that has to leave memory is written once, at the end of the file, and read back when one of its
 * documents is asked for; the chunks of documents that are asked for again and again stay.
 */
import { readInt32 } from '../bson/value.ts'
import type { File } from '../io/disk.ts'
import { copyBytes } from '../storage/copy.ts'
import type { Rows } from './rows.ts'
import type { PipelineRun } from './stage.ts'

const chunkBytesMax = 64 * 1024
const chunkBytesMin = 1024
/** Chunks that the limit has room for, at least: a few walks over the documents at a time find theirs in memory. */
const chunksInMemory = 16
/** What a document costs besides its bytes. */
const documentBytes = 8

interface Chunk {
  /** The number of its first document. */
  readonly first: number
  count: number
  /** Undefined: on disk alone. */
  bytes: Uint8Array | undefined
  /** Where its documents begin; they lie without gaps. */
  starts: number[]
  length: number
  /** Where it lies in the file; -1: nowhere. */
  position: number
  /** Since it was last passed over. */
  asked: boolean
}

export class HeldDocuments {
  readonly #run: PipelineRun
  readonly #limitBytes: number
  readonly #chunkBytes: number
  #chunks: Chunk[] = []
  /** Those in memory but for the one that is being filled. */
  #resident: Chunk[] = []
  #hand = 0
  #residentBytes = 0
  #file: File | undefined
  #fileBytes = 0
  /** Written to disk so far. */
  spilledBytes = 0
  /** That of the last document asked for or added. */
  #chunk: Chunk = noChunk
  count = 0
  /** The document asked for last, until another is asked for or the documents are closed. */
  bytes: Uint8Array = noBytes
  start = 0
  end = 0

  /** `share`: how much of a stage's memory may be taken. */
  constructor(run: PipelineRun, share = 1) {
    this.#run = run
    this.#limitBytes = run.memoryLimitBytes * share
    this.#chunkBytes = Math.max(chunkBytesMin, Math.min(chunkBytesMax, Math.floor(this.#limitBytes / chunksInMemory)))
  }

  /** In memory. */
  get usedBytes(): number {
    return this.#residentBytes
  }

  /** Copies a document. False, without a disk to go to: the memory is used up, and the document was not taken. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    let chunk = this.#chunks[this.#chunks.length - 1]
    if (chunk === undefined || chunk.length + length > chunk.bytes!.length) {
      chunk = this.#begin(Math.max(length, this.#chunks.length === 0 ? chunkBytesMin : this.#chunkBytes))
      if (chunk === undefined) return false
    }
    copyBytes(bytes, start, end, chunk.bytes!, chunk.length)
    chunk.starts.push(chunk.length)
    chunk.length += length
    chunk.count++
    this.count++
    this.#residentBytes += length + documentBytes
    return true
  }

  #begin(sizeBytes: number): Chunk | undefined {
    if (!this.#makeRoom(sizeBytes)) return undefined
    const last = this.#chunks[this.#chunks.length - 1]
    if (last !== undefined) this.#resident.push(last)
    const bytes = new Uint8Array(sizeBytes)
    const chunk: Chunk = { first: this.count, count: 0, bytes, starts: [], length: 0, position: -1, asked: false }
    this.#chunks.push(chunk)
    return chunk
  }

  /** Puts document `i` where `bytes`, `start` and `end` say. */
  show(i: number): void {
    let chunk = this.#chunk
    if (i < chunk.first || i >= chunk.first + chunk.count) {
      chunk = this.#chunkOf(i)
      this.#chunk = chunk
    }
    chunk.asked = true
    if (chunk.bytes === undefined) this.#load(chunk)
    const bytes = chunk.bytes!
    const start = chunk.starts[i - chunk.first]!
    this.bytes = bytes
    this.start = start
    this.end = start + readInt32(bytes, start)
  }

  #chunkOf(i: number): Chunk {
    const chunks = this.#chunks
    let low = 0
    let high = chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (chunks[middle]!.first <= i) low = middle
      else high = middle - 1
    }
    return chunks[low]!
  }

  #load(chunk: Chunk): void {
    this.#makeRoom(chunk.length)
    const bytes = new Uint8Array(chunk.length)
    this.#file!.read(bytes, 0, chunk.length, chunk.position)
    const starts: number[] = []
    for (let at = 0; at < chunk.length; at += readInt32(bytes, at)) starts.push(at)
    chunk.bytes = bytes
    chunk.starts = starts
    this.#residentBytes += chunk.length + chunk.count * documentBytes
    this.#resident.push(chunk)
  }

  /** Takes chunks out of memory; false when there is no disk for them. */
  #makeRoom(bytes: number): boolean {
    const resident = this.#resident
    while (resident.length > 1 && this.#residentBytes + bytes > this.#limitBytes) {
      if (this.#hand >= resident.length) this.#hand = 0
      const chunk = resident[this.#hand]!
      if (chunk.asked) {
        chunk.asked = false
        this.#hand++
        continue
      }
      if (chunk.position < 0 && !this.#write(chunk)) return false
      resident[this.#hand] = resident[resident.length - 1]!
      resident.pop()
      this.#residentBytes -= chunk.length + chunk.count * documentBytes
      chunk.bytes = undefined
      chunk.starts = []
    }
    return this.#residentBytes + bytes <= this.#limitBytes || this.#run.mayUseDisk
  }

  #write(chunk: Chunk): boolean {
    if (this.#file === undefined) {
      if (!this.#run.mayUseDisk) return false
      this.#file = this.#run.host.temporaryFile()
    }
    this.#file.write(chunk.bytes!, 0, chunk.length, this.#fileBytes)
    chunk.position = this.#fileBytes
    this.#fileBytes += chunk.length
    this.spilledBytes += chunk.length
    return true
  }

  /** Forgets all documents. */
  reset(): void {
    this.#chunks = []
    this.#resident = []
    this.#hand = 0
    this.#residentBytes = 0
    this.#fileBytes = 0
    this.#chunk = noChunk
    this.count = 0
    this.bytes = noBytes
  }

  /** Forgets all, and lets go of what is on disk. May be called more than once. */
  close(): void {
    this.reset()
    this.#file?.close()
    this.#file = undefined
  }
}

/** Held documents as rows: those of the numbers, or all. */
export function heldRows(documents: HeldDocuments, numbers?: readonly number[]): Rows {
  return new HeldRows(documents, numbers)
}

class HeldRows implements Rows {
  readonly #documents: HeldDocuments
  readonly #numbers: readonly number[] | undefined
  readonly #count: number
  #next = 0
  bytes: Uint8Array = noBytes
  start = 0
  end = 0

  constructor(documents: HeldDocuments, numbers: readonly number[] | undefined) {
    this.#documents = documents
    this.#numbers = numbers
    this.#count = numbers === undefined ? documents.count : numbers.length
  }

  next(): boolean {
    if (this.#next >= this.#count) return false
    const at = this.#next++
    const documents = this.#documents
    documents.show(this.#numbers === undefined ? at : this.#numbers[at]!)
    this.bytes = documents.bytes
    this.start = documents.start
    this.end = documents.end
    return true
  }

  save(): void {
    // What is held stays as it is.
  }

  close(): void {
    this.#next = this.#count
  }
}

const noBytes = new Uint8Array(0)
const noChunk: Chunk = { first: 0, count: 0, bytes: noBytes, starts: [], length: 0, position: -1, asked: false }
