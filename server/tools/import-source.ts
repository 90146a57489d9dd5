/** What is imported: a file, stdin, or the collections of a mongodump folder, gzipped or not. */
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createGunzip, gunzipSync } from 'node:zlib'
import { ExtendedJsonParser } from '../../pkg/bson/ejson-parse.ts'
import { documentFields, documentOf, getField } from '../../pkg/bson/value.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'
import { Refusal } from '../refusal.ts'
import { readBson } from './formats/bson.ts'
import { formatOfContent, formatOfName, nameOfFile } from './formats/detect.ts'
import type { Chunks, Format, Item } from './formats/item.ts'
import { readJson, readNdjson } from './formats/json.ts'

/** What mongodump writes beside the documents. */
export interface Metadata {
  readonly options: Uint8Array | undefined
  readonly indexes: readonly Uint8Array[]
}

export interface Source {
  /** For messages. */
  readonly name: string
  /** Undefined: stdin. */
  readonly path: string | undefined
  readonly collection: string
  metadata(): Promise<Metadata | undefined>
}

export interface OpenedSource {
  readonly format: Format
  /** Bytes of the file as it lies there; undefined for stdin. */
  readonly sizeBytes: number | undefined
  /** Of those. */
  bytesRead(): number
  items(): AsyncGenerator<readonly Item[]>
}

const chunkSizeBytes = 256 * 1024

/** `file`: a file, `-`, or a folder with the `.bson` files of one database. `collection`: only this one, or what to call it. */
export async function sourcesOf(file: string, collection: string | undefined): Promise<Source[]> {
  if (file === '-') {
    if (collection === undefined) throw new Refusal('stdin has no name: give --collection')
    return [{ name: 'stdin', path: undefined, collection, metadata: async () => undefined }]
  }
  if (!statSync(file).isDirectory()) return [fileSource(file, collection ?? nameOfFile(file))]
  const dumped = readdirSync(file)
    .filter((name) => /\.bson(?:\.gz)?$/.test(name) && !name.startsWith('system.'))
    .filter((name) => collection === undefined || nameOfFile(name) === collection)
    .sort()
    .map((name) => fileSource(join(file, name), nameOfFile(name)))
  if (dumped.length === 0) {
    const what = collection === undefined ? 'no .bson file' : `no ${collection}.bson`
    throw new Refusal(`there is ${what} in ${file}; of a mongodump folder, give the folder of one database`)
  }
  return dumped
}

function fileSource(path: string, collection: string): Source {
  return { name: basename(path), path, collection, metadata: async () => metadataBeside(path) }
}

function metadataBeside(path: string): Metadata | undefined {
  if (!/\.bson(?:\.gz)?$/.test(path)) return undefined
  const beside = path.replace(/\.bson(\.gz)?$/, '.metadata.json$1')
  let text: Uint8Array
  try {
    text = readFileSync(beside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const writer = new BsonWriter(4096)
  new ExtendedJsonParser().parse(beside.endsWith('.gz') ? gunzipSync(text) : text, writer)
  const document = writer.finish()
  const options = getField(document, 'options')
  const indexes = getField(document, 'indexes')
  return {
    options: options === undefined ? undefined : documentOf(options),
    indexes: indexes === undefined ? [] : [...documentFields(indexes.bytes, indexes.start)].map(documentOf),
  }
}

/** `format`: what the user says it is. `typed`: whether a CSV header gives types. */
export async function openSource(
  source: Source,
  format: Format | undefined,
  typed: boolean | undefined,
): Promise<OpenedSource> {
  let bytesRead = 0
  const { path } = source
  const stream = path === undefined ? process.stdin : createReadStream(path, { highWaterMark: chunkSizeBytes })
  stream.on('data', (chunk) => {
    bytesRead += chunk.length
  })
  stream.pause()
  let content: AsyncIterable<Uint8Array> = stream as AsyncIterable<Uint8Array>
  if (path?.endsWith('.gz') === true) {
    const gunzip = createGunzip()
    stream.on('error', (error) => gunzip.destroy(error))
    content = stream.pipe(gunzip)
  }
  const chunks = content[Symbol.asyncIterator]()
  const first = await chunks.next()
  const head: Uint8Array = first.done === true ? new Uint8Array(0) : first.value
  const found =
    format ?? (path === undefined ? undefined : formatOfName(path)) ?? formatOfContent(head.subarray(0, 1024))
  return {
    format: found,
    sizeBytes: path === undefined ? undefined : statSync(path).size,
    bytesRead: () => bytesRead,
    items: () => itemsOf(found, withHead(head, chunks), typed),
  }
}

async function* withHead(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

async function* itemsOf(format: Format, chunks: Chunks, typed: boolean | undefined): AsyncGenerator<readonly Item[]> {
  switch (format) {
    case 'json':
      yield* readJson(chunks)
      return
    case 'ndjson':
      yield* readNdjson(chunks)
      return
    case 'bson':
      yield* readBson(chunks)
      return
    case 'csv': {
      const { readCsv } = await import('./formats/csv.ts')
      yield* readCsv(chunks, typed)
    }
  }
}
