/**
 * How often queries of each shape ran, how long they took and what they looked at: what `$queryStats` shows.
 *
 * Nothing is kept unless the parameter internalQueryStatsRateLimit says how many queries a second may be (-1: all). A query counts once it has
 * given all of its documents, or its cursor is closed; one that fails does not count. The entries used longest ago go when they are too many.
 */

import { timestampOf } from '../base/timestamp.ts'
import { buildDocument, rawDocument } from '../bson/build.ts'
import { decimal128Bytes, integerDecimal } from '../bson/decimal128.ts'
import { decimal128Value, timestampValue, type Value } from '../bson/value.ts'
import type { Work } from '../query/execute-source.ts'
import { Batch } from './batch.ts'
import { debugQueryShape, isCollected, transformIdentifiers } from './debug-query-shape.ts'
import { sha256 } from './digest.ts'
import type { Operation } from './operation.ts'

/** Of all entries together, about. */
const sizeMaxBytes = 16 * 1024 * 1024
/** Of an entry besides its key, twice. */
const entryBytes = 1024

/** One query from its first reply to the end of its cursor. */
export class QueryFigures {
  readonly #stats: QueryStats
  /** Set by the first reply. */
  key: Uint8Array | undefined
  keysExamined = 0
  docsExamined = 0
  docsReturned = 0
  micros = 0
  firstMicros = 0
  #isOver = false

  constructor(stats: QueryStats) {
    this.#stats = stats
  }

  /** What was looked at, told once by each who looks. */
  examined({ keysExamined, docsExamined }: Readonly<Work>): void {
    this.keysExamined += keysExamined
    this.docsExamined += docsExamined
  }

  /** The query is over: only the first call counts. */
  end(nowMs: number): void {
    if (this.#isOver || this.key === undefined) return
    this.#isOver = true
    this.#stats.add(this.key, this, nowMs)
  }
}

class Sums {
  #sum = 0n
  #max = 0n
  #min: bigint | undefined
  #squares = 0n

  add(n: number): void {
    const value = BigInt(n)
    this.#sum += value
    this.#squares += value * value
    if (value > this.#max) this.#max = value
    if (this.#min === undefined || value < this.#min) this.#min = value
  }

  get shown(): Readonly<Record<string, unknown>> {
    const sumOfSquares = decimal128Value(decimal128Bytes(integerDecimal(this.#squares)))
    return { sum: this.#sum, max: this.#max, min: this.#min ?? 0n, sumOfSquares }
  }
}

class Entry {
  readonly key: Uint8Array
  readonly #firstSeenMs: number
  #latestSeenMs: number
  #lastMicros = 0
  #count = 0n
  readonly #totalMicros = new Sums()
  readonly #firstMicros = new Sums()
  readonly #docsReturned = new Sums()
  readonly #keysExamined = new Sums()
  readonly #docsExamined = new Sums()

  constructor(key: Uint8Array, nowMs: number) {
    this.key = key
    this.#firstSeenMs = nowMs
    this.#latestSeenMs = nowMs
  }

  get sizeBytes(): number {
    return 2 * this.key.length + entryBytes
  }

  add(figures: QueryFigures, nowMs: number): void {
    this.#latestSeenMs = nowMs
    this.#lastMicros = figures.micros
    this.#count++
    this.#totalMicros.add(figures.micros)
    this.#firstMicros.add(figures.firstMicros)
    this.#docsReturned.add(figures.docsReturned)
    this.#keysExamined.add(figures.keysExamined)
    this.#docsExamined.add(figures.docsExamined)
  }

  get metrics(): Readonly<Record<string, unknown>> {
    return {
      lastExecutionMicros: BigInt(this.#lastMicros),
      execCount: this.#count,
      totalExecMicros: this.#totalMicros.shown,
      firstResponseExecMicros: this.#firstMicros.shown,
      docsReturned: this.#docsReturned.shown,
      keysExamined: this.#keysExamined.shown,
      docsExamined: this.#docsExamined.shown,
      firstSeenTimestamp: new Date(this.#firstSeenMs),
      latestSeenTimestamp: new Date(this.#latestSeenMs),
    }
  }
}

export class QueryStats {
  /** By key, as text: those used longest ago first. */
  readonly #entries = new Map<string, Entry>()
  #sizeBytes = 0
  /** The second that queries are counted in, and how many there were. */
  #second = 0
  #begun = 0

  /** Figures for the operation, if it is a query and not one too many. `rateLimit`: a second; -1: none. */
  begin(operation: Operation, rateLimit: number): QueryFigures | undefined {
    if (!isCollected(operation.command.name) || !this.#isWithin(rateLimit, operation.startedMs)) return undefined
    return new QueryFigures(this)
  }

  #isWithin(rateLimit: number, nowMs: number): boolean {
    if (rateLimit < 0) return true
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#begun = 0
    }
    return this.#begun++ < rateLimit
  }

  /** A reply of the query has been made; its cursor, if there is more, goes on with the figures. */
  replied(operation: Operation, figures: QueryFigures, result: unknown, ms: number): void {
    const micros = Math.max(0, Math.round(ms * 1000))
    figures.micros += micros
    if (figures.key === undefined) {
      figures.key = keyOf(operation)
      figures.firstMicros = micros
    }
    figures.docsReturned += result instanceof Batch ? result.count : 1
    const { cursors, world } = operation.instance
    const cursor = result instanceof Batch && result.cursorId !== 0n ? cursors.get(result.cursorId) : undefined
    if (cursor === undefined) figures.end(world.clock.nowMs())
    else cursor.figures = figures
  }

  add(key: Uint8Array, figures: QueryFigures, nowMs: number): void {
    const text = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
    let entry = this.#entries.get(text)
    if (entry === undefined) {
      entry = new Entry(key, nowMs)
      this.#sizeBytes += entry.sizeBytes
    } else this.#entries.delete(text)
    this.#entries.set(text, entry)
    entry.add(figures, nowMs)
    for (const [oldest, { sizeBytes }] of this.#entries) {
      if (this.#sizeBytes <= sizeMaxBytes) break
      this.#entries.delete(oldest)
      this.#sizeBytes -= sizeBytes
    }
  }

  /** As `$queryStats` shows them. `transform`: of names that applications gave; undefined: they are shown. */
  documents(nowMs: number, transform: ((identifier: string) => string) | undefined): Uint8Array[] {
    const asOf: Value = timestampValue(timestampOf(Math.floor(nowMs / 1000), 0))
    return Array.from(this.#entries, ([text, { key, metrics }]) =>
      buildDocument({
        key: rawDocument(transform === undefined ? key : transformIdentifiers(key, transform)),
        keyHash: sha256(text),
        metrics,
        asOf,
      }),
    )
  }
}

/** `{queryShape, client?}`: the client as its driver introduced it. */
function keyOf({ body, context, databaseName }: Operation): Uint8Array {
  return buildDocument({
    queryShape: rawDocument(debugQueryShape(databaseName, body!)),
    client: context.clientMetadata && rawDocument(context.clientMetadata),
  })
}
