import { bsonType } from '../bson/type.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import type { Value } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import { missing } from '../expression/expression.ts'

interface Part {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Puts values at given paths of documents, one after the other, through documents only: what else stands on a path gives way to a
 * document. A missing value takes the field away.
 */
export class NestedSetter {
  /** What goes to each path. */
  readonly values: Value[]
  readonly #paths: readonly (readonly Part[])[]
  #writer = new BsonWriter()
  #other = new BsonWriter()

  constructor(paths: readonly string[]) {
    this.values = paths.map(() => missing)
    this.#paths = paths.map((path) => path.split('.').map((name) => ({ name, bytes: utf8Bytes(name) })))
  }

  /** The document with the values, in a writer that the next call uses again. */
  set(bytes: Uint8Array, start: number): BsonWriter {
    let [from, at] = [bytes, start]
    for (let i = 0; i < this.#paths.length; i++) {
      const writer = this.#other.reset()
      writer.beginDocument()
      write(writer, from, at, this.#paths[i]!, 0, this.values[i]!)
      writer.end()
      this.#other = this.#writer
      this.#writer = writer
      from = writer.bytes
      at = 0
    }
    return this.#writer
  }
}

function write(
  writer: BsonWriter,
  bytes: Uint8Array,
  start: number,
  parts: readonly Part[],
  i: number,
  value: Value,
): void {
  const part = parts[i]!
  const walker = new ElementWalker().reset(bytes, start)
  const from = start + 4
  let found = false
  while (walker.next()) {
    if (!walker.nameIs(part.bytes)) continue
    found = true
    writer.raw(bytes, from, walker.nameStart - 1)
    writePart(writer, walker, parts, i, value)
    let end = walker.valueEnd
    const after = end
    while (walker.next()) end = walker.valueEnd
    writer.raw(bytes, after, end)
    break
  }
  if (found) return
  const end = start + lengthAt(bytes, start) - 1
  writer.raw(bytes, from, end)
  writePart(writer, undefined, parts, i, value)
}

/** `there`: rests on what stands at the part. */
function writePart(
  writer: BsonWriter,
  there: ElementWalker | undefined,
  parts: readonly Part[],
  i: number,
  value: Value,
): void {
  const { name } = parts[i]!
  if (i === parts.length - 1) {
    if (value !== missing) writer.value(name, value)
    return
  }
  const isDocument = there?.type === bsonType.document
  if (value === missing && !isDocument) {
    if (there !== undefined) writer.value(name, there.value())
    return
  }
  writer.beginDocument(name)
  if (isDocument) write(writer, there.bytes, there.valueStart, parts, i + 1, value)
  else write(writer, emptyDocument, 0, parts, i + 1, value)
  writer.end()
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

function lengthAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}
