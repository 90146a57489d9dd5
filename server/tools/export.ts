/** `laura export`: writes the documents of a collection to a file or stdout, or those of a database as a mongodump folder. */
import { once } from 'node:events'
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { buildDocument, rawDocument } from '../../pkg/bson/build.ts'
import { stringifyExtendedJson } from '../../pkg/bson/ejson.ts'
import { ExtendedJsonParser } from '../../pkg/bson/ejson-parse.ts'
import { documentOf, getField, readString } from '../../pkg/bson/value.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'
import { Refusal } from '../refusal.ts'
import { formatOfName } from './formats/detect.ts'
import type { Format } from './formats/item.ts'
import { Progress, summary } from './progress.ts'
import { batches, openTarget, type Target, type TargetOptions } from './target.ts'

export interface ExportOptions extends TargetOptions {
  readonly db: string
  readonly collection?: string
  readonly type?: Format
  readonly jsonFormat: 'relaxed' | 'canonical'
  readonly query?: string
  readonly sort?: string
  readonly limit?: string
  readonly fields?: string
}

/** Turns documents into the bytes of a file. */
interface Encoder {
  begin(): string
  document(bytes: Uint8Array): string | Uint8Array
  end(): string
}

/** Returns the exit code. */
export async function exportFile(file: string, options: ExportOptions): Promise<number> {
  if (options.collection === undefined) return exportDump(file, options)
  const format = options.type ?? formatOfName(file) ?? 'ndjson'
  const request = findCommand(options, options.collection, format)
  const run = new ExportRun(options, format)
  const encoder = await run.encoder()
  const target = await openTarget(options)
  try {
    const out = file === '-' ? process.stdout : createWriteStream(file)
    const count = await run.write(target, request, encoder, out, options.collection)
    return count.misfits === 0 ? 0 : 1
  } finally {
    await target.close()
  }
}

/** All collections of a database as `FOLDER/DB/*.bson` with their options and indexes beside them. */
async function exportDump(folder: string, options: ExportOptions): Promise<number> {
  if (options.type !== 'bson' || folder === '-') {
    throw new Refusal('give --collection, or --type bson and a folder for all collections of the database')
  }
  const target = await openTarget(options)
  try {
    const directory = join(folder, options.db)
    mkdirSync(directory, { recursive: true })
    const list = buildDocument({ listCollections: 1, filter: { type: 'collection' }, $db: options.db })
    for await (const some of batches(target, options.db, list)) {
      for (const entry of some) await dumpCollection(target, directory, entry, options)
    }
  } finally {
    await target.close()
  }
  return 0
}

async function dumpCollection(
  target: Target,
  directory: string,
  entry: Uint8Array,
  options: ExportOptions,
): Promise<void> {
  const name = getField(entry, 'name')!
  const collection = readString(name.bytes, name.start)
  const indexes: Uint8Array[] = []
  const list = buildDocument({ listIndexes: collection, $db: options.db })
  for await (const some of batches(target, options.db, list)) indexes.push(...some)
  const metadata = buildDocument({
    options: rawDocument(documentOf(getField(entry, 'options')!)),
    indexes: indexes.map(rawDocument),
    collectionName: collection,
    type: 'collection',
  })
  writeFileSync(join(directory, `${collection}.metadata.json`), stringifyExtendedJson(metadata, { relaxed: false }))
  const run = new ExportRun(options, 'bson')
  const out = createWriteStream(join(directory, `${collection}.bson`))
  await run.write(target, findCommand(options, collection, 'bson'), await run.encoder(), out, collection)
}

class ExportRun {
  readonly #options: ExportOptions
  readonly #format: Format
  #misfits = 0

  constructor(options: ExportOptions, format: Format) {
    this.#options = options
    this.#format = format
  }

  async encoder(): Promise<Encoder> {
    const options = { relaxed: this.#options.jsonFormat === 'relaxed' }
    switch (this.#format) {
      case 'ndjson':
        return { begin: () => '', document: (bytes) => `${stringifyExtendedJson(bytes, options)}\n`, end: () => '' }
      case 'json': {
        let separator = ''
        return {
          begin: () => '[',
          document: (bytes) => {
            const text = `${separator}\n${stringifyExtendedJson(bytes, options)}`
            separator = ','
            return text
          },
          end: () => '\n]\n',
        }
      }
      case 'bson':
        return { begin: () => '', document: (bytes) => bytes, end: () => '' }
      case 'csv':
        return this.#csvEncoder()
    }
  }

  async #csvEncoder(): Promise<Encoder> {
    const { fields } = this.#options
    if (fields === undefined) throw new Refusal('CSV needs --fields: the columns, in order')
    const { csvHeader, csvLine } = await import('./formats/csv.ts')
    const { column, haveTypes, splitColumns } = await import('./formats/csv-columns.ts')
    const headers = splitColumns(fields)
    const columns = headers.map((header) => column(header, haveTypes(headers)))
    let line = 1
    return {
      begin: () => csvHeader(columns),
      document: (bytes) => {
        line += 1
        return csvLine(columns, bytes, (header) => this.#misfit(line, header))
      },
      end: () => '',
    }
  }

  #misfit(line: number, header: string): void {
    this.#misfits += 1
    if (this.#misfits <= 20)
      process.stderr.write(`line ${line}: the value does not have the type of the column ${header}\n`)
  }

  /** Runs the find and writes what it yields; resolves when everything has been handed to the system. */
  async write(
    target: Target,
    find: Uint8Array,
    encoder: Encoder,
    out: Writable,
    collection: string,
  ): Promise<{ misfits: number }> {
    const startedMs = performance.now()
    let count = 0
    const put = async (data: string | Uint8Array) => {
      if (data.length > 0 && !out.write(data)) await once(out, 'drain')
    }
    const failed = out === process.stdout ? undefined : finished(out)
    failed?.catch(() => undefined)
    const progress = await Progress.start(
      `${this.#options.db}.${collection}`,
      await this.#expectedCount(target, collection),
    )
    try {
      await put(encoder.begin())
      for await (const documents of batches(target, this.#options.db, find)) {
        if (this.#format === 'bson') await put(Buffer.concat(documents))
        else await put(documents.map((each) => encoder.document(each) as string).join(''))
        count += documents.length
        progress.update(count, count)
      }
      await put(encoder.end())
      if (failed !== undefined) {
        out.end()
        await failed
      }
    } finally {
      progress.stop()
    }
    process.stderr.write(
      `exported from ${this.#options.db}.${collection}: ${summary(count, performance.now() - startedMs)}\n`,
    )
    return { misfits: this.#misfits }
  }

  /** How many documents there will be, for the bar; unknown with a filter. */
  async #expectedCount(target: Target, collection: string): Promise<number | undefined> {
    if (process.stderr.isTTY !== true || this.#options.query !== undefined) return undefined
    const n = getField(await target.command(buildDocument({ count: collection, $db: this.#options.db })), 'n')
    const all = n === undefined ? 0 : new DataView(n.bytes.buffer, n.bytes.byteOffset).getInt32(n.start, true)
    return this.#options.limit === undefined ? all : Math.min(all, Number(this.#options.limit))
  }
}

function findCommand(options: ExportOptions, collection: string, format: Format): Uint8Array {
  const { query, sort, limit, fields, db } = options
  if (limit !== undefined && !/^\d+$/.test(limit))
    throw new Refusal(`--limit must be a whole number, not ${JSON.stringify(limit)}`)
  return buildDocument({
    find: collection,
    filter: query === undefined ? undefined : rawDocument(parseOption('--query', query)),
    sort: sort === undefined ? undefined : rawDocument(parseOption('--sort', sort)),
    limit: limit === undefined ? undefined : Number(limit),
    projection:
      fields === undefined || format === 'csv'
        ? undefined
        : Object.fromEntries(fields.split(',').map((name) => [name.trim(), 1])),
    batchSize: 1000,
    $db: db,
  })
}

function parseOption(flag: string, json: string): Uint8Array {
  const writer = new BsonWriter(1024)
  try {
    new ExtendedJsonParser().parse(new TextEncoder().encode(json), writer)
  } catch (error) {
    throw new Refusal(`${flag}: ${(error as Error).message}`)
  }
  return writer.finish()
}
