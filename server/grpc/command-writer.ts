/** Builds the command that a typed request asks for. One is built at a time, in one turn. */
import { DatabaseError } from '../../pkg/base/errors.ts'
import { documentSizeMaxInternal } from '../../pkg/base/limits.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { utf8Bytes } from '../../pkg/bson/utf8.ts'
import { validateDocument } from '../../pkg/bson/validate.ts'
import { getField, numberOf } from '../../pkg/bson/value.ts'
import { BsonWriter, indexName } from '../../pkg/bson/writer.ts'

/** A 64-bit number as protobufjs gives and takes it. */
export type Int64 = number | { readonly low: number; readonly high: number }

const sessionFields = ['lsid', 'txnNumber', 'autocommit'] as const
const maxTimeMSLimit = 0x7fffffff
const documentEndBytes = 1

export class CommandWriter {
  readonly #writer = new BsonWriter(4096)
  #maxTimeMs: number | undefined

  /** `maxTimeMs`: what is left of the call's deadline; undefined when it has none, or when the command takes none. */
  begin(name: string, target: string | number, database: string, maxTimeMs: number | undefined): this {
    const writer = this.#writer.reset()
    this.#maxTimeMs = maxTimeMs
    writer.beginDocument()
    if (typeof target === 'string') writer.string(name, target)
    else writer.int32(name, target)
    writer.string('$db', database)
    return this
  }

  /** Begins a command whose first field is a 64-bit number. */
  beginLong(name: string, value: bigint, database: string): this {
    const writer = this.#writer.reset()
    this.#maxTimeMs = undefined
    writer.beginDocument()
    writer.int64(name, value)
    writer.string('$db', database)
    return this
  }

  /** Left out when empty. Errors: InvalidBSON, naming the field. */
  document(name: string, bytes: Uint8Array): this {
    return bytes.length === 0 ? this : this.requiredDocument(name, bytes)
  }

  /** An empty document when nothing was given. */
  requiredDocument(name: string, bytes: Uint8Array): this {
    if (bytes.length === 0) {
      this.#writer.beginDocument(name)
      this.#writer.end()
      return this
    }
    this.#writer.document(name, validated(bytes, name))
    return this
  }

  documents(name: string, list: readonly Uint8Array[]): this {
    this.#writer.beginArray(name)
    for (let i = 0; i < list.length; i++) this.#writer.document(indexName(i), validated(list[i]!, name))
    this.#writer.end()
    return this
  }

  /** Left out when the list is empty. */
  optionalDocuments(name: string, list: readonly Uint8Array[]): this {
    return list.length === 0 ? this : this.documents(name, list)
  }

  strings(name: string, list: readonly string[]): this {
    this.#writer.beginArray(name)
    for (let i = 0; i < list.length; i++) this.#writer.string(indexName(i), list[i]!)
    this.#writer.end()
    return this
  }

  longs(name: string, list: readonly bigint[]): this {
    this.#writer.beginArray(name)
    for (let i = 0; i < list.length; i++) this.#writer.int64(indexName(i), list[i]!)
    this.#writer.end()
    return this
  }

  string(name: string, text: string): this {
    this.#writer.string(name, text)
    return this
  }

  int32(name: string, value: number): this {
    this.#writer.int32(name, value)
    return this
  }

  boolean(name: string, value: boolean): this {
    this.#writer.boolean(name, value)
    return this
  }

  /** Left out when it is 0. */
  number(name: string, value: Int64): this {
    const wide = typeof value === 'number' ? BigInt(value) : int64Of(value)
    if (wide !== 0n) this.#writer.int64(name, wide)
    return this
  }

  array(name: string, write: (writer: CommandWriter) => void): this {
    this.#writer.beginArray(name)
    write(this)
    this.#writer.end()
    return this
  }

  embedded(name: string, write: (writer: CommandWriter) => void): this {
    this.#writer.beginDocument(name)
    write(this)
    this.#writer.end()
    return this
  }

  /** The fields of a document, as fields of the one that is open. */
  fieldsOf(name: string, bytes: Uint8Array): this {
    if (bytes.length > 0) this.#writer.raw(validated(bytes, name), 4, bytes.length - documentEndBytes)
    return this
  }

  /** The fields by which a getMore says to which session and transaction its cursor belongs. */
  sessionOf(command: Uint8Array): this {
    if (command.length === 0) return this
    for (const name of sessionFields) {
      const value = getField(command, name)
      if (value !== undefined) this.#writer.value(name, value)
    }
    return this
  }

  /** A getMore's `batchSize`: that of the command which opened the cursor. */
  batchSizeOf(command: Uint8Array): this {
    const cursor = getField(command, 'cursor')
    const size =
      cursor?.type === bsonType.document
        ? getField(cursor.bytes, 'batchSize', cursor.start)
        : getField(command, 'batchSize')
    if (size !== undefined && numberOf(size) > 0) this.#writer.value('batchSize', size)
    return this
  }

  /** The command, with the fields of `options`. */
  finish(options: Uint8Array): Uint8Array {
    this.fieldsOf('options', options)
    if (this.#maxTimeMs !== undefined && (options.length === 0 || getField(options, 'maxTimeMS') === undefined))
      this.#writer.int64('maxTimeMS', this.#maxTimeMs)
    this.#writer.end()
    return this.#writer.finish()
  }
}

/** A whole command as it came, with `$db` and a time limit if it has none itself. */
export function completedCommand(command: Uint8Array, database: string, maxTimeMs: number | undefined): Uint8Array {
  const body = validated(command, 'command', documentSizeMaxInternal)
  const addsDatabase = database !== ''
  const addsLimit =
    maxTimeMs !== undefined && getField(body, 'maxTimeMS') === undefined && !beginsWith(body, getMoreName)
  if (!addsDatabase && !addsLimit) return body
  const writer = new BsonWriter(body.length + 64)
  writer.beginDocument()
  writer.raw(body, 4, body.length - documentEndBytes)
  if (addsDatabase) writer.string('$db', database)
  if (addsLimit) writer.int64('maxTimeMS', maxTimeMs)
  writer.end()
  return writer.finish()
}

const getMoreName = utf8Bytes('getMore\0')

function beginsWith(body: Uint8Array, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (body[5 + i] !== name[i]) return false
  return true
}

/** A plain view of `bytes`, which are checked. */
export function validated(bytes: Uint8Array, name: string, sizeMax?: number): Uint8Array {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  try {
    validateDocument(plain, 0, plain.length, sizeMax)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new DatabaseError(error.code, `${name}: ${error.message}`)
  }
  return plain
}

/** Milliseconds until a call's deadline, for maxTimeMS; undefined when it has none or a very late one. */
export function timeLeft(deadline: Date | number, nowMs: number): number | undefined {
  const leftMs = Math.ceil(Number(deadline) - nowMs)
  return leftMs > maxTimeMSLimit ? undefined : Math.max(1, leftMs)
}

export function int64Of(value: Int64): bigint {
  if (typeof value === 'number') return BigInt(value)
  return BigInt.asIntN(64, (BigInt(value.high) << 32n) | BigInt(value.low >>> 0))
}

/** A BSON document `{<name>: value}` around a value of another document. */
export function documentAround(
  name: string,
  value: { type: number; bytes: Uint8Array; start: number; end: number },
): Uint8Array {
  const writer = new BsonWriter(value.end - value.start + 32)
  writer.beginDocument()
  writer.value(name, value)
  writer.end()
  return writer.finish()
}
