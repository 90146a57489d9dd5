/** Telling `{$gt: 1}` from a document that is meant as a value. */
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'

const dollar = 0x24
const dbRefNames: readonly string[] = ['$ref', '$id', '$db']

/**
 * Whether a value is a document whose first field is named with a `$`. The names of a DBRef are no operators: a
 * document that begins with one is a value.
 */
export function isOperatorDocument(value: Value): boolean {
  if (value.type !== bsonType.document) return false
  const { bytes, start } = value
  if (bytes[start + 4] === 0 || bytes[start + 5] !== dollar) return false
  return !dbRefNames.some((name) => isName(bytes, start + 5, name))
}

/** The name of the first field, or ''. */
export function firstName(document: Value): string {
  let name = ''
  if (document.bytes[document.start + 4] === 0) return name
  for (let at = document.start + 5; document.bytes[at] !== 0; at++) name += String.fromCharCode(document.bytes[at]!)
  return name
}

function isName(bytes: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name.charCodeAt(i)) return false
  return bytes[at + name.length] === 0
}
