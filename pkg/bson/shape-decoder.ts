/**
 * A decoder made for documents of one shape: the names, in their order, of one document that was seen, with the type each
 * value had there. Made as code, it compares names as constants and makes the object by one literal, in half the time of
 * the loop that walks any document.
 *
 * It gives up (undefined) at the first name that is not the expected one; a value of another type than before is left to
 * `DecodeValue`. So what it returns is what the loop would have returned.
 */
import { ObjectId } from 'bson'
import { compileFunction } from './compile.ts'
import { fieldNameBytes } from './field-names.ts'
import { readDouble, readInt32, readInt64Number } from './little-endian.ts'
import type { ShapeNode } from './shape.ts'
import { readText } from './short-text.ts'
import { bsonType } from './type.ts'
import { valueEnd } from './walk.ts'

/** The object of the document at `at`; undefined when it has another shape. */
export type ShapeDecoder = (bytes: Uint8Array, at: number) => Record<string, unknown> | undefined

/** Decodes any value; `field` is whose value it is. */
export type DecodeValue = (type: number, bytes: Uint8Array, at: number, field: ShapeNode | undefined) => unknown

/** Beyond these the code would be long, and V8 would not optimise it. */
const fieldCountMax = 48
const nameBytesMax = 768
const depthMax = 4

/**
 * Makes the decoder for documents like the one at `start`, all of whose fields `last` and its parents stand for; undefined
 * when there should be none: the document is too wide or deep, or could be a DBRef, or code cannot be made.
 */
export function makeShapeDecoder(
  bytes: Uint8Array,
  start: number,
  last: ShapeNode,
  decodeValue: DecodeValue,
): ShapeDecoder | undefined {
  const source = new DecoderSource()
  const top = source.document(bytes, start, last, 0)
  if (top === undefined) return undefined
  const make = compileFunction<
    (
      id: typeof ObjectId,
      text: typeof readText,
      double: typeof readDouble,
      int64: typeof readInt64Number,
      end: typeof valueEnd,
      array: typeof plainArray,
      other: DecodeValue,
      fields: readonly ShapeNode[],
    ) => ShapeDecoder
  >(
    ['ObjectId', 'text', 'double', 'int64', 'valueEnd', 'array', 'other', 'fields'],
    `${source.functions}\nreturn ${top}`,
  )
  return make?.(ObjectId, readText, readDouble, readInt64Number, valueEnd, plainArray, decodeValue, source.fields)
}

const int32At = '(bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24))'

class DecoderSource {
  functions = ''
  readonly fields: ShapeNode[] = []
  #fieldCount = 0
  #nameBytes = 0

  /** Adds the function for the document at `start`, whose fields end with `last`; its name, or undefined when there can be none. */
  document(bytes: Uint8Array, start: number, last: ShapeNode, depth: number): string | undefined {
    if (depth > depthMax || last.hasDollarName) return undefined
    const nodes = last.path()
    const lines: string[] = []
    const values: string[] = []
    let at = start + 4
    for (const node of nodes) {
      const type = bytes[at]!
      const name = fieldNameBytes(node.name)
      this.#nameBytes += name.length
      if (++this.#fieldCount > fieldCountMax || this.#nameBytes > nameBytesMax) return undefined
      const key = JSON.stringify(node.name)
      const value = `v${values.length}`
      values.push(`${node.name === '__proto__' ? `[${key}]` : key}: ${value}`)
      const differs = Array.from(name, (byte, i) => `bytes[at + ${i + 1}] !== ${byte}`).join(' || ')
      at += 1 + name.length
      const fast = this.#value(type, bytes, at, node, depth)
      const field = this.fields.push(node) - 1
      lines.push(
        `type = bytes[at]; if (type === 0 || ${differs}) return undefined; at += ${1 + name.length}`,
        `let ${value}`,
        `${fast === undefined ? '' : `if (type === ${type}) { ${fast.replaceAll('$v', value)} } else `}` +
          `{ ${value} = other(type, bytes, at, fields[${field}]); at = valueEnd(bytes, type, at) }`,
      )
      at = valueEnd(bytes, type, at)
    }
    const name = `document${this.fields.length}`
    this.functions += `function ${name}(bytes, at) {\nlet type = 0, end = 0\nat += 4\n${lines.join('\n')}\nif (bytes[at] !== 0) return undefined\nreturn { ${values.join(', ')} }\n}\n`
    return name
  }

  /** Code that sets `$v` to the value of `type` at `at` and moves behind it; undefined when `other` is as good. */
  #value(type: number, bytes: Uint8Array, at: number, node: ShapeNode, depth: number): string | undefined {
    switch (type) {
      case bsonType.string:
        return `end = at + 4 + ${int32At}; $v = text(bytes, at + 4, end - 1); at = end`
      case bsonType.int32:
        return `$v = ${int32At}; at += 4`
      case bsonType.double:
        return '$v = double(bytes, at); at += 8'
      case bsonType.objectId:
        return '$v = new ObjectId(bytes, at); at += 12'
      case bsonType.boolean:
        return '$v = bytes[at++] === 1'
      case bsonType.date:
        return '$v = new Date(int64(bytes, at)); at += 8'
      case bsonType.document: {
        const last = node.inner()?.find(bytes, at)
        const inner = last === undefined ? undefined : this.document(bytes, at, last, depth + 1)
        if (inner === undefined) return undefined
        const field = this.fields.push(node) - 1
        return `$v = ${inner}(bytes, at); if ($v === undefined) $v = other(type, bytes, at, fields[${field}]); at += ${int32At}`
      }
      case bsonType.array: {
        const field = this.fields.push(node) - 1
        return `$v = array(bytes, at); if ($v === undefined) $v = other(type, bytes, at, fields[${field}]); at += ${int32At}`
      }
      default:
        return undefined
    }
  }
}

/** The array at `at` when it has texts and numbers alone, else undefined. */
function plainArray(bytes: Uint8Array, at: number): unknown[] | undefined {
  const array: unknown[] = []
  at += 4
  for (;;) {
    const type = bytes[at++]!
    if (type === 0) return array
    while (bytes[at] !== 0) at++
    at++
    if (type === bsonType.string) {
      const end = at + 4 + readInt32(bytes, at)
      array.push(readText(bytes, at + 4, end - 1))
      at = end
    } else if (type === bsonType.int32) {
      array.push(readInt32(bytes, at))
      at += 4
    } else if (type === bsonType.double) {
      array.push(readDouble(bytes, at))
      at += 8
    } else return undefined
  }
}
