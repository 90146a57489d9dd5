/** Documents and arrays from JSON text. */
import { DatabaseError } from '../../../base/errors.ts'
import { parseExtendedJson } from '../../../bson/ejson.ts'
import { getField, type Value } from '../../../bson/value.ts'

/** Undefined for what is no JSON. */
export function containerOfText(text: string): Value | undefined {
  // Nothing but one document or array: the wrapping must not make sense of something that is none.
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    const wrapped = parseExtendedJson(`{"value":${text}}`)
    const value = getField(wrapped, 'value')
    return value !== undefined && value.end === wrapped.length - 1 ? value : undefined
  } catch (error) {
    if (error instanceof DatabaseError) return undefined
    throw error
  }
}
