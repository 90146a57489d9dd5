/**
 * Updates that differ in nothing but numbers and the like, `{$set: {balance: 997}}` after `{$set: {balance: 1002}}`, are parsed once: what was parsed
 * points into a copy of its document's bytes, and those of the next one are put in their place.
 *
 *   {$set: {balance: 1002}}     1e 00 00 00 03 $set\0 14 00 00 00 10 balance\0 |ea 03 00 00| 00 00
 *                               everything but the value has to be the same  ─┘└─ is copied
 */
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'
import { SetValue } from './operators/set.ts'
import { parseUpdate } from './parse.ts'
import type { Update } from './update.ts'

/** Values of these types are as long as their type says, and mean nothing to the parser. */
const fixedTypes: ReadonlySet<number> = new Set([
  bsonType.boolean,
  bsonType.date,
  bsonType.double,
  bsonType.int32,
  bsonType.int64,
  bsonType.objectId,
])
/** Of longer ones the comparison would be no less work. */
const lengthMax = 256
const templateCount = 16

interface Template {
  /** The document that `update` was parsed from. */
  readonly bytes: Uint8Array
  readonly update: Update
  /** Where the values are, ascending: start, end, start, end. */
  readonly spans: readonly number[]
}

export class UpdateTemplates {
  readonly #templates = new Array<Template | undefined>(templateCount)

  /** As `parseUpdate` of a document without array filters and collation; what it returns is good until the next call. */
  parse({ bytes, start, end }: Value): Update {
    const length = end - start
    if (length > lengthMax) return parseUpdate(bytes, undefined, start)
    // The length and the last letters of the first field's name or path, where it is short.
    const place = (length + bytes[start + (length >> 1)]!) % templateCount
    const template = this.#templates[place]
    if (template !== undefined && takeOver(template, bytes, start, length)) return template.update
    const own = bytes.slice(start, end)
    const update = parseUpdate(own)
    const spans = spansOf(update)
    if (spans !== undefined) this.#templates[place] = { bytes: own, update, spans }
    return update
  }
}

/** Puts the values of another document into the template's; false, with nothing changed: it is of another form. */
function takeOver({ bytes: own, spans }: Template, bytes: Uint8Array, start: number, length: number): boolean {
  if (own.length !== length) return false
  let at = 0
  for (let i = 0; i <= spans.length; i += 2) {
    const end = i < spans.length ? spans[i]! : length
    for (; at < end; at++) if (own[at] !== bytes[start + at]) return false
    if (i < spans.length) at = spans[i + 1]!
  }
  for (let i = 0; i < spans.length; i += 2) for (at = spans[i]!; at < spans[i + 1]!; at++) own[at] = bytes[start + at]!
  return true
}

/** undefined: there is more to the update than values of fixed lengths that are set. */
function spansOf(update: Update): number[] | undefined {
  if (update.kind !== 'operators' || update.flat === undefined) return undefined
  const spans: number[] = []
  for (const { modifier } of update.fields) {
    if (!(modifier instanceof SetValue) || !fixedTypes.has(modifier.value.type)) return undefined
    spans.push(modifier.value.start, modifier.value.end)
  }
  return spans
}
