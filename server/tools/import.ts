/**
 * `laura import`: reads a file and writes its documents in batches, the next one being read while one is written.
 * A document that cannot be read or written is reported with its place, and the rest goes on.
 */
import { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument, rawDocument } from '../../pkg/bson/build.ts'
import { documentFields, documentOf, getField, numberOf, readString, type Value } from '../../pkg/bson/value.ts'
import type { Format, Item } from './formats/item.ts'
import { type Metadata, openSource, type Source, sourcesOf } from './import-source.ts'
import { Progress, summary } from './progress.ts'
import { openTarget, type Target, type TargetOptions } from './target.ts'

export interface ImportOptions extends TargetOptions {
  readonly db: string
  readonly collection?: string
  readonly type?: Format
  readonly mode: 'insert' | 'upsert'
  readonly drop: boolean
  readonly columnsHaveTypes: boolean
  readonly stopOnError: boolean
}

const batchDocumentsMax = 1000
const batchBytesMax = 4 * 1024 * 1024
/** Batches that are being written at once. */
const underWayMax = 2
const problemsShownMax = 20

/** Returns the exit code: 0 when every document is in. */
export async function importFile(file: string, options: ImportOptions): Promise<number> {
  const sources = await sourcesOf(file, options.collection)
  const target = await openTarget(options)
  let failed = 0
  try {
    for (const source of sources) {
      const run = new ImportRun(target, source, options)
      failed += await run.run()
      if (failed > 0 && options.stopOnError) break
    }
  } finally {
    await target.close()
  }
  return failed === 0 ? 0 : 1
}

class ImportRun {
  readonly #target: Target
  readonly #source: Source
  readonly #options: ImportOptions
  readonly #underWay = new Set<Promise<void>>()
  #batch: Item[] = []
  #batchBytes = 0
  #written = 0
  #failed = 0
  #unit = 'line'
  #stopped = false
  #failure: unknown

  constructor(target: Target, source: Source, options: ImportOptions) {
    this.#target = target
    this.#source = source
    this.#options = options
  }

  /** Returns how many documents could not be imported. */
  async run(): Promise<number> {
    const { db } = this.#options
    const { collection } = this.#source
    const startedMs = performance.now()
    if (this.#options.drop) await this.#dropCollection()
    const metadata = await this.#source.metadata()
    if (metadata !== undefined) await this.#createCollection(metadata)
    const file = await openSource(this.#source, this.#options.type, this.#options.columnsHaveTypes ? true : undefined)
    this.#unit = file.format === 'bson' ? 'document' : 'line'
    const progress = await Progress.start(`${db}.${collection}`, file.sizeBytes)
    try {
      await this.#readAll(file.items(), () => progress.update(file.bytesRead(), this.#written))
    } catch (error) {
      if (!isAboutTheFile(error)) throw error
      this.#problem(undefined, error.message)
    } finally {
      await Promise.all(this.#underWay)
      progress.stop()
    }
    if (this.#failure !== undefined) throw this.#failure
    if (metadata !== undefined) await this.#createIndexes(metadata)
    const failed = this.#failed === 0 ? '' : `; ${this.#failed.toLocaleString('en')} not imported`
    process.stderr.write(
      `imported into ${db}.${collection}: ${summary(this.#written, performance.now() - startedMs)}${failed}\n`,
    )
    return this.#failed
  }

  async #readAll(items: AsyncIterable<readonly Item[]>, onProgress: () => void): Promise<void> {
    for await (const some of items) {
      for (const item of some) {
        if (this.#stopped) return
        await this.#take(item)
      }
      onProgress()
    }
    await this.#send()
  }

  async #take(item: Item): Promise<void> {
    if (item.document === undefined) {
      // What came before it is written first, so that `--stop-on-error` stops where it says.
      if (this.#options.stopOnError) await this.#send()
      this.#problem(item.place, item.problem ?? '')
      return
    }
    if (this.#batch.length >= batchDocumentsMax || this.#batchBytes + item.document.length > batchBytesMax)
      await this.#send()
    this.#batch.push(item)
    this.#batchBytes += item.document.length
  }

  /** Sends what is gathered; waits only while too many batches are under way. */
  async #send(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    if (batch.length === 0 || this.#stopped) return
    const writing = this.#write(batch).catch((error: unknown) => {
      this.#failure ??= error
      this.#stopped = true
    })
    this.#underWay.add(writing)
    void writing.then(() => this.#underWay.delete(writing))
    if (this.#options.stopOnError) await writing
    else while (this.#underWay.size >= underWayMax) await Promise.race(this.#underWay)
  }

  async #write(batch: readonly Item[]): Promise<void> {
    if (this.#options.mode === 'insert') {
      await this.#insert(batch)
      return
    }
    const named = batch.filter(({ document }) => getField(document!, '_id') !== undefined)
    await this.#insert(batch.filter((item) => !named.includes(item)))
    await this.#upsert(named)
  }

  async #insert(batch: readonly Item[]): Promise<void> {
    if (batch.length === 0) return
    const documents = batch.map(({ document }) => document!)
    const reply = await this.#target.command(this.#commandOf('insert'), 'documents', documents)
    this.#written += this.#count(batch, reply)
  }

  async #upsert(batch: readonly Item[]): Promise<void> {
    if (batch.length === 0) return
    const statements = batch.map(({ document }) =>
      buildDocument({ q: { _id: getField(document!, '_id') }, u: rawDocument(document!), upsert: true }),
    )
    const reply = await this.#target.command(this.#commandOf('update'), 'updates', statements)
    this.#written += this.#count(batch, reply)
  }

  #commandOf(name: 'insert' | 'update'): Uint8Array {
    return buildDocument({ [name]: this.#source.collection, ordered: this.#options.stopOnError, $db: this.#options.db })
  }

  /** How many of the batch are in, by what the reply says is not; those are reported. */
  #count(batch: readonly Item[], reply: Uint8Array): number {
    const errors = getField(reply, 'writeErrors')
    const failures = errors === undefined ? [] : [...documentFields(errors.bytes, errors.start)].map(documentOf)
    for (const failure of failures) {
      this.#problem(batch[numberOf(getField(failure, 'index')!)]!.place, textOf(getField(failure, 'errmsg')))
    }
    return this.#options.stopOnError && failures.length > 0
      ? numberOf(getField(reply, 'n')!)
      : batch.length - failures.length
  }

  #problem(place: number | undefined, message: string): void {
    this.#failed += 1
    if (this.#options.stopOnError) this.#stopped = true
    if (this.#failed > problemsShownMax) return
    process.stderr.write(`${this.#source.name}${place === undefined ? '' : ` ${this.#unit} ${place}`}: ${message}\n`)
    if (this.#failed === problemsShownMax) process.stderr.write('further problems are counted only\n')
  }

  async #dropCollection(): Promise<void> {
    try {
      await this.#target.command(buildDocument({ drop: this.#source.collection, $db: this.#options.db }))
    } catch (error) {
      if (!isCode(error, 'NamespaceNotFound')) throw error
    }
  }

  async #createCollection({ options }: Metadata): Promise<void> {
    try {
      await this.#target.command(withFields({ create: this.#source.collection }, options, this.#options.db))
    } catch (error) {
      if (!isCode(error, 'NamespaceExists')) throw error
    }
  }

  async #createIndexes({ indexes }: Metadata): Promise<void> {
    const wanted = indexes.filter((index) => textOf(getField(index, 'name')) !== '_id_')
    if (wanted.length === 0) return
    await this.#target.command(
      buildDocument({
        createIndexes: this.#source.collection,
        indexes: wanted.map(rawDocument),
        $db: this.#options.db,
      }),
    )
  }
}

function isCode(error: unknown, codeName: string): boolean {
  return error instanceof DatabaseError && error.codeName === codeName
}

/** What the file's content, and not the database, is to blame for. */
function isAboutTheFile(error: unknown): error is Error {
  return (
    isCode(error, 'FailedToParse') ||
    isCode(error, 'InvalidBSON') ||
    (error instanceof Error && error.name === 'Refusal')
  )
}

function withFields(first: Record<string, unknown>, fields: Uint8Array | undefined, $db: string): Uint8Array {
  const rest = fields === undefined ? [] : [...documentFields(fields)].map((field) => [field.name, field] as const)
  return buildDocument({ ...first, ...Object.fromEntries(rest), $db })
}

function textOf(value: Value | undefined): string {
  return value === undefined ? '' : readString(value.bytes, value.start)
}
