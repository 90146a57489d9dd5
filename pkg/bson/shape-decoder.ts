/**
 * A decoder made for documents of one shape: the names, in their order, of one document that was seen, with the type each
 * value had there. Made as code, it compares type and name as constants, four bytes at a time, and makes the object by one literal, in
 * a third of the time of the loop that walks any document.
 *
 * Of a document with several longer texts these are made last, together (`gathered-texts.ts`).
 *
 * It gives up (undefined) at the first name that is not the expected one; a value of another type than before is left to
 * `DecodeValue`. So what it returns is what the loop would have returned.
 */
import { ObjectId } from 'bson'
import { viewOf } from '../base/byte-view.ts'
import { compileFunction } from './compile.ts'
import { startsWith } from './field-names.ts'
import { gatheredTexts, gatherText, isGathered, worthGathering } from './gathered-texts.ts'
import { readInt32, twoTo32 } from './little-endian.ts'
import type { ShapeNode } from './shape.ts'
import { readViewedText } from './short-text.ts'
import { bsonType } from './type.ts'
import { ElementWalker, valueEnd } from './walk.ts'

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
      view: typeof viewOf,
      text: typeof readViewedText,
      end: typeof valueEnd,
      array: typeof plainArray,
      isField: typeof isFieldAt,
      other: DecodeValue,
      gather: typeof gatherText,
      gathered: typeof gatheredTexts,
      fields: readonly ShapeNode[],
    ) => ShapeDecoder
  >(
    ['ObjectId', 'viewOf', 'text', 'valueEnd', 'array', 'isField', 'other', 'gather', 'gathered', 'fields'],
    `${source.functions}\nreturn (bytes, at) => ${top}(bytes, viewOf(bytes), at)`,
  )
  return make?.(
    ObjectId,
    viewOf,
    readViewedText,
    valueEnd,
    plainArray,
    isFieldAt,
    decodeValue,
    gatherText,
    gatheredTexts,
    source.fields,
  )
}

/** Whether there is a field at `at`, of whatever type, that has the name. */
function isFieldAt(bytes: Uint8Array, at: number, field: ShapeNode): boolean {
  return bytes[at] !== 0 && startsWith(bytes, at + 1, field.nameBytes)
}

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
    /** Code that makes the texts which were gathered, those of the outermost document. */
    const gathered: string[] = []
    const gathers = depth === 0 && worthGathering(textLengths(bytes, start))
    let at = start + 4
    for (const node of nodes) {
      const type = bytes[at]!
      const head = 1 + node.nameBytes.length
      this.#nameBytes += node.nameBytes.length
      if (++this.#fieldCount > fieldCountMax || this.#nameBytes > nameBytesMax) return undefined
      const key = JSON.stringify(node.name)
      const value = `v${values.length}`
      values.push(`${node.name === '__proto__' ? `[${key}]` : key}: ${value}`)
      const same = headIs(bytes, at, head)
      at += head
      const isText = gathers && type === bsonType.string && isGathered(readInt32(bytes, at) - 1)
      const fast = isText ? gatheringCode : this.#value(type, bytes, at, node, depth)
      if (isText) {
        lines.push(`let ${value}from = 0, ${value}to = 0`)
        gathered.push(`if (${value}to > ${value}from) ${value} = all.substring(${value}from, ${value}to)`)
      }
      const field = `fields[${this.fields.push(node) - 1}]`
      lines.push(
        `let ${value}`,
        fast === undefined ? 'if (false) {}' : `if (${same}) { at += ${head}; ${fast.replaceAll('$v', value)} }`,
        `else if (isField(bytes, at, ${field})) {
          const type = bytes[at]
          at += ${head}
          ${this.#numbers(type, value)}{
            ${value} = other(type, bytes, at, ${field})
            at = valueEnd(bytes, type, at)
          }
        } else return undefined`,
      )
      at = valueEnd(bytes, type, at)
    }
    const name = `document${this.fields.length}`
    this.functions += `function ${name}(bytes, view, at) {
      const limit = bytes.length
      let end = 0
      let length = 0
      at += 4
      ${lines.join('\n')}
      ${gathered.length === 0 ? '' : `if (length > 0) { const all = gathered(length); ${gathered.join('; ')} }`}
      return bytes[at] === 0 ? { ${values.join(', ')} } : undefined
    }\n`
    return name
  }

  /** Of a field that was a number or null: the code for the others of these, since whole numbers are int32 and the rest double. */
  #numbers(type: number, value: string): string {
    if (type !== bsonType.int32 && type !== bsonType.double && type !== bsonType.null) return ''
    return `if (type === ${bsonType.int32}) { ${value} = view.getInt32(at, true); at += 4 }
      else if (type === ${bsonType.double}) { ${value} = view.getFloat64(at, true); at += 8 }
      else if (type === ${bsonType.null}) ${value} = null
      else `
  }

  /** Code that sets `$v` to the value of `type` at `at` and moves behind it; undefined when `other` is as good. */
  #value(type: number, bytes: Uint8Array, at: number, node: ShapeNode, depth: number): string | undefined {
    switch (type) {
      case bsonType.string:
        return 'end = at + 4 + view.getInt32(at, true); $v = text(bytes, view, at + 4, end - 1); at = end'
      case bsonType.int32:
        return '$v = view.getInt32(at, true); at += 4'
      case bsonType.double:
        return '$v = view.getFloat64(at, true); at += 8'
      case bsonType.objectId:
        return '$v = new ObjectId(bytes, at); at += 12'
      case bsonType.boolean:
        return '$v = bytes[at++] === 1'
      case bsonType.null:
        return '$v = null'
      case bsonType.date:
        return `$v = new Date(view.getInt32(at + 4, true) * ${twoTo32} + view.getUint32(at, true)); at += 8`
      case bsonType.document: {
        const last = node.inner()?.find(bytes, at)
        const inner = last === undefined ? undefined : this.document(bytes, at, last, depth + 1)
        if (inner === undefined) return undefined
        const field = this.fields.push(node) - 1
        return `$v = ${inner}(bytes, view, at); if ($v === undefined) $v = other(${type}, bytes, at, fields[${field}]); at += view.getInt32(at, true)`
      }
      case bsonType.array: {
        const field = this.fields.push(node) - 1
        return `$v = array(bytes, view, at); if ($v === undefined) $v = other(${type}, bytes, at, fields[${field}]); at += view.getInt32(at, true)`
      }
      default:
        return undefined
    }
  }
}

/** Code that gathers the text at `at`, or sets `$v` to it, and moves behind it. */
const gatheringCode = `end = at + 4 + view.getInt32(at, true)
  $vfrom = length
  $vto = length = gather(view, at + 4, end - 1, length)
  if ($vto === $vfrom) $v = text(bytes, view, at + 4, end - 1)
  at = end`

/** Of the fields of the document at `start` that are texts. */
function textLengths(bytes: Uint8Array, start: number): number[] {
  const lengths: number[] = []
  const walker = new ElementWalker().reset(bytes, start)
  while (walker.next()) {
    if (walker.type === bsonType.string) lengths.push(walker.valueEnd - walker.valueStart - 5)
  }
  return lengths
}

/** Code that says whether type and name at `at` are the `length` bytes at `start`. Reads nothing beyond `limit`: the document may end there. */
function headIs(bytes: Uint8Array, start: number, length: number): string {
  const view = viewOf(bytes)
  const tests = [`at + ${Math.max(4, length)} <= limit`]
  if (length < 4) tests.push(`view.getUint16(at, true) === ${view.getUint16(start, true)}`)
  for (let i = 0; i + 4 <= length; i += 4)
    tests.push(`view.getInt32(at + ${i}, true) === ${view.getInt32(start + i, true)}`)
  const left = length & 3
  const last = length - 4
  if (left === 1 || length < 4) tests.push(`bytes[at + ${length - 1}] === 0`)
  else if (left > 1) tests.push(`view.getInt32(at + ${last}, true) === ${view.getInt32(start + last, true)}`)
  return tests.join(' && ')
}

/** The array at `at` when it has texts and numbers alone, else undefined. Of few elements it is made by a literal: one that grew has room for 17. */
function plainArray(bytes: Uint8Array, view: DataView, at: number): unknown[] | undefined {
  let a: unknown
  let b: unknown
  let c: unknown
  let count = 0
  let array: unknown[] | undefined
  at += 4
  for (;;) {
    const type = bytes[at++]!
    if (type === 0) break
    while (bytes[at] !== 0) at++
    at++
    let value: unknown
    if (type === bsonType.string) {
      const end = at + 4 + view.getInt32(at, true)
      value = readViewedText(bytes, view, at + 4, end - 1)
      at = end
    } else if (type === bsonType.int32) {
      value = view.getInt32(at, true)
      at += 4
    } else if (type === bsonType.double) {
      value = view.getFloat64(at, true)
      at += 8
    } else return undefined
    if (array !== undefined) array.push(value)
    else if (count === 0) a = value
    else if (count === 1) b = value
    else if (count === 2) c = value
    else array = [a, b, c, value]
    count++
  }
  if (array !== undefined) return array
  if (count === 3) return [a, b, c]
  return count === 2 ? [a, b] : count === 1 ? [a] : []
}
