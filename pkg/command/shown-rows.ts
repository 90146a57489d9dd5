/** The rows of a query as it shows them: each is written anew. */
import type { Rows } from '../aggregate/rows.ts'
import { Detour } from '../base/detour.ts'
import { BsonWriter } from '../bson/writer.ts'
import { type KeptDocument, ownedMetadata } from '../expression/metadata.ts'
import { writeIndexKey } from '../query/index-key.ts'
import { compileProjection, type Project } from '../query/projection/compile.ts'
import type { Projection } from '../query/projection/tree.ts'
import type { Pace } from './pace.ts'
import { QueryRows } from './search.ts'

const noBytes = new Uint8Array(0)

abstract class ShownRows<Source extends Rows = Rows> implements Rows {
  protected readonly rows: Source
  readonly #writer = new BsonWriter(1024)
  bytes: Uint8Array = noBytes
  start = 0
  end = 0

  constructor(rows: Source) {
    this.rows = rows
  }

  /** Writes the current row as it is shown; false, with nothing written: it is shown as it came. */
  protected abstract write(writer: BsonWriter): boolean

  get paused(): boolean {
    return this.rows.paused === true
  }

  next(): boolean {
    return this.rows.next() && this.showNext()
  }

  /** Shows the row that has come. */
  protected showNext(): boolean {
    const { rows } = this
    const writer = this.#writer.reset()
    const shown = this.write(writer)
    this.bytes = shown ? writer.bytes : rows.bytes
    this.start = shown ? 0 : rows.start
    this.end = shown ? writer.length : rows.end
    return true
  }

  save(): void {
    this.rows.save()
  }

  close(): void {
    this.rows.close()
  }
}

/** Rows as the index keys that they were found by: empty documents without an index. */
export class KeyRows extends ShownRows<QueryRows> {
  protected write(writer: BsonWriter): boolean {
    const { rows } = this
    const { entry } = rows.rows
    writer.beginDocument()
    if (entry !== undefined) writeIndexKey(entry, rows.bytes, rows.start, writer)
    writer.end()
    return true
  }
}

/** Rows with the record's id as a last field, `$recordId`. */
export class RecordIdRows extends ShownRows {
  readonly #found: QueryRows

  /** `rows`: those of `found`, as they are shown. */
  constructor(rows: Rows, found: QueryRows) {
    super(rows)
    this.#found = found
  }

  protected write(writer: BsonWriter): boolean {
    const { rows } = this
    writer.beginDocument()
    writer.raw(rows.bytes, rows.start + 4, rows.end - 1)
    writer.int64('$recordId', this.#found.recordId)
    writer.end()
    return true
  }
}

/** Rows as a projection shows them: those that are not shown so already. */
export class ProjectedRows extends ShownRows {
  readonly #found: QueryRows | undefined
  readonly #project: Project
  readonly #pace: Pace
  /** The current row when showing it has had to wait for something. */
  #kept: KeptDocument | undefined
  #isDetouring = false

  constructor(rows: Rows, projection: Projection, pace: Pace) {
    super(rows)
    const found = rows instanceof QueryRows ? rows : undefined
    this.#found = found
    this.#pace = pace
    const metadata = (name: string) =>
      this.#kept === undefined ? found?.metadata(name) : this.#kept.metadata.get(name)
    this.#project = compileProjection(projection, found && metadata)
  }

  override get paused(): boolean {
    return this.#isDetouring || super.paused
  }

  override next(): boolean {
    const goesOn = this.#isDetouring
    this.#isDetouring = false
    if (!goesOn) this.#kept = undefined
    try {
      return goesOn ? this.showNext() : super.next()
    } catch (error) {
      if (!(error instanceof Detour)) throw error
      this.#kept ??= this.#copy()
      this.#isDetouring = true
      this.#pace.waitFor(error)
      return false
    }
  }

  #copy(): KeptDocument {
    const { bytes, start, end } = this.rows
    const found = this.#found
    return { bytes: bytes.slice(start, end), metadata: ownedMetadata(found && ((name) => found.metadata(name))) }
  }

  protected write(writer: BsonWriter): boolean {
    if (this.#found?.rows.isProjected === true) return false
    const kept = this.#kept
    if (kept === undefined) this.#project(this.rows.bytes, this.rows.start, this.rows.end, writer)
    else this.#project(kept.bytes, 0, kept.bytes.length, writer)
    return true
  }
}
