/**
 * The `encryptedFields` option of create: which fields clients encrypt, checked and kept for them to read. The server stores what they
 * encrypted as it comes; queries on it, which need indexes of tags, are refused where a command asks for them.
 */
import { DatabaseError } from '../base/errors.ts'
import { compare } from '../bson/order.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, documentOf, getField, isNumber, numberOf, readInt32, type Value } from '../bson/value.ts'
import { anyType, arrayType, Fields, numberType, strictBooleanType, stringType, uuidType } from './fields.ts'

const optionFields = new Fields('create.encryptedFields', {
  fields: { type: arrayType, required: true },
  escCollection: { type: stringType },
  ecocCollection: { type: stringType },
  eccCollection: { type: stringType },
  strEncodeVersion: { type: numberType },
})

const fieldFields = new Fields('create.encryptedFields.fields', {
  keyId: { type: uuidType, required: true },
  path: { type: stringType, required: true },
  bsonType: { type: stringType },
  queries: { type: anyType },
})

const queryFields = new Fields('create.encryptedFields.fields.queries', {
  queryType: { type: stringType, required: true },
  contention: { type: numberType },
  min: { type: anyType },
  max: { type: anyType },
  sparsity: { type: numberType },
  precision: { type: numberType },
  trimFactor: { type: numberType },
  strMaxLength: { type: numberType },
  strMinQueryLength: { type: numberType },
  strMaxQueryLength: { type: numberType },
  caseSensitive: { type: strictBooleanType },
  diacriticSensitive: { type: strictBooleanType },
})

const uuidSubtype = 4
const queryTypes: ReadonlySet<string> = new Set([
  'equality',
  'range',
  'rangePreview',
  'suffixPreview',
  'prefixPreview',
  'substringPreview',
])
const textQueries: ReadonlySet<string> = new Set(['suffixPreview', 'prefixPreview', 'substringPreview'])
const typesThatCannotBe: ReadonlySet<string> = new Set(['null', 'undefined', 'minKey', 'maxKey'])
const knownTypes: ReadonlySet<string> = new Set([...Object.values(bsonType)].map((type) => typeAlias(type)))
/** Bits of the numbers that a range query is over; the trim factor is smaller. */
const rangeBits: ReadonlyMap<string, number> = new Map([
  ['int', 32],
  ['long', 64],
  ['date', 64],
  ['double', 64],
  ['decimal', 128],
])

/** Throws what is wrong with the option: TypeMismatch, MissingField, BadValue, FailedToParse, and MongoDB's own codes for the rest. */
export function checkEncryptedFields(option: Uint8Array): void {
  const { at } = optionFields.read(option, 0)
  const paths = new Set<string>()
  for (const field of documentFields(documentOf(optionFields.value(at.fields)!))) {
    if (field.type === bsonType.null) continue
    if (field.type !== bsonType.document) throw mismatch('create.encryptedFields.fields', field, 'object')
    const path = checkField(documentOf(field))
    if (paths.has(path)) throw new DatabaseError(6338402, `Duplicate path '${path}' in encryptedFields`)
    paths.add(path)
  }
}

function checkField(field: Uint8Array): string {
  const { at } = fieldFields.read(field, 0)
  const path = fieldFields.string(at.path)!
  if (path === '') throw new DatabaseError(6316402, 'Encrypted field must have a non-empty path')
  if (path.includes('\0'))
    throw new DatabaseError(9867600, 'The path of an encrypted field must not contain a null byte')
  if (path === '_id' || path.startsWith('_id.')) throw new DatabaseError(6316403, 'Cannot encrypt _id or its subfields')
  checkKeyId(fieldFields.value(at.keyId)!)
  const type = fieldFields.string(at.bsonType)
  if (type !== undefined && !knownTypes.has(type))
    throw new DatabaseError('BadValue', `Unknown type name alias: ${type}`)
  if (type !== undefined && typesThatCannotBe.has(type))
    throw new DatabaseError(6338406, `Cannot encrypt fields of type '${type}'`)
  const queries = getField(field, 'queries')
  if (queries !== undefined) checkQueries(queries, type)
  return path
}

function checkKeyId(keyId: Value): void {
  if (keyId.bytes[keyId.start + 4] !== uuidSubtype)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'create.encryptedFields.fields.keyId' is the wrong binData type, expected type 'UUID'`,
    )
  if (readInt32(keyId.bytes, keyId.start) !== 16)
    throw new DatabaseError('InvalidUUID', 'uuid must be a 16-byte binary field with UUID (4) subtype')
}

function checkQueries(queries: Value, type: string | undefined): void {
  if (queries.type === bsonType.document) {
    checkQuery(documentOf(queries), type)
    return
  }
  if (queries.type !== bsonType.array)
    throw mismatch('create.encryptedFields.fields.queries', queries, 'array', 'object')
  const kinds: string[] = []
  for (const query of documentFields(queries.bytes, queries.start)) {
    if (query.type !== bsonType.document) throw mismatch('create.encryptedFields.fields.queries', query, 'object')
    kinds.push(checkQuery(documentOf(query), type))
  }
  if (kinds.length === 0) throw new DatabaseError(9783412, 'At least one query type must be defined')
  if (kinds.length > 2) throw new DatabaseError(9783413, 'Only up to 2 query types may be defined for a field')
  const isPair = kinds.length === 1 || (kinds.includes('suffixPreview') && kinds.includes('prefixPreview'))
  if (!isPair) throw new DatabaseError(9783414, 'Only suffixPreview and prefixPreview may be defined together')
}

/** Returns the query type. */
function checkQuery(query: Uint8Array, type: string | undefined): string {
  const { at } = queryFields.read(query, 0)
  const kind = queryFields.string(at.queryType)!
  if (!queryTypes.has(kind))
    throw new DatabaseError('BadValue', `Enumeration value '${kind}' for field 'queryType' is not a valid value.`)
  whole(query, 'contention', 0)
  if (kind === 'range' || kind === 'rangePreview') checkRange(query, type)
  if (textQueries.has(kind)) checkText(query, kind, type)
  return kind
}

function checkRange(query: Uint8Array, type: string | undefined): void {
  whole(query, 'sparsity', 1, 8)
  const trimFactor = whole(query, 'trimFactor', 0)
  const bits = type === undefined ? undefined : rangeBits.get(type)
  if (bits === undefined) throw new DatabaseError(6775201, `Type '${type}' is not supported for range queries`)
  if (trimFactor !== undefined && trimFactor >= bits)
    throw new DatabaseError(8574000, `The field 'trimFactor' must be >= 0 and less than the number of bits, ${bits}`)
  const min = getField(query, 'min')
  const max = getField(query, 'max')
  for (const bound of [min, max])
    if (bound !== undefined && typeAlias(bound.type) !== type)
      throw new DatabaseError(7018200, `The bounds of a range index must be of the type of the field, '${type}'`)
  if (min !== undefined && max !== undefined && compare(min, max) >= 0)
    throw new DatabaseError(6720005, 'The minimum of a range index must be less than its maximum')
}

function checkText(query: Uint8Array, kind: string, type: string | undefined): void {
  if (type !== 'string') throw new DatabaseError(9783400, `The query type '${kind}' is only for strings`)
  const min = whole(query, 'strMinQueryLength', 1)
  const max = whole(query, 'strMaxQueryLength', 1)
  if (min === undefined) throw new DatabaseError(9783402, `strMinQueryLength is required for '${kind}'`)
  if (max === undefined) throw new DatabaseError(9783403, `strMaxQueryLength is required for '${kind}'`)
  if (getField(query, 'caseSensitive') === undefined)
    throw new DatabaseError(9783404, `caseSensitive is required for '${kind}'`)
  if (getField(query, 'diacriticSensitive') === undefined)
    throw new DatabaseError(9783405, `diacriticSensitive is required for '${kind}'`)
  if (min > max) throw new DatabaseError(9783406, 'strMinQueryLength must not be greater than strMaxQueryLength')
}

/** A number of the query that must be whole and in its bounds. */
function whole(query: Uint8Array, name: string, min: number, max = Number.POSITIVE_INFINITY): number | undefined {
  const value = getField(query, name)
  if (value === undefined || !isNumber(value.type)) return undefined
  const number = numberOf(value)
  if (!Number.isInteger(number)) throw new DatabaseError('FailedToParse', `Expected an integer: ${name}: ${number}`)
  if (number < min || number > max)
    throw new DatabaseError(
      'BadValue',
      `BSON field '${name}' value must be >= ${min} and <= ${max}, actual value '${number}'`,
    )
  return number
}

function mismatch(path: string, value: Value, ...expected: string[]): DatabaseError {
  const wanted = expected.length === 1 ? `type '${expected[0]}'` : `types '[${expected.join(', ')}]'`
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '${path}' is the wrong type '${typeAlias(value.type)}', expected ${wanted}`,
  )
}
