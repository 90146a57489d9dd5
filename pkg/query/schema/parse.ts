/** Schema documents to schemas. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, readString, type Value } from '../../bson/value.ts'
import { keywords } from './keywords/table.ts'
import { type Rule, Schema, type SchemaContext } from './schema.ts'

/** JSON Schema draft 4 has these, and MongoDB has not. */
const absentKeywords: ReadonlySet<string> = new Set(['$ref', '$schema', 'default', 'definitions', 'format', 'id'])
const encryptionKeywords: ReadonlySet<string> = new Set(['encrypt', 'encryptMetadata', 'keyId', 'algorithm'])

/** Throws TypeMismatch (14), FailedToParse (9), BadValue (2), 51091 (a pattern that is none). */
export function parseSchema(value: Value): Schema {
  if (value.type !== bsonType.document) throw new DatabaseError('TypeMismatch', '$jsonSchema must be an object')
  return parseWithin(value)
}

function parseWithin(value: Value): Schema {
  const given = new Map<string, Value>()
  for (const field of documentFields(value.bytes, value.start)) {
    const { name } = field
    if (given.has(name)) throw new DatabaseError('FailedToParse', `Duplicate $jsonSchema keyword: ${name}`)
    if (!keywords.has(name)) refuseKeyword(name)
    given.set(name, field)
  }
  const context: SchemaContext = { siblings: value, parse: parseWithin }
  const rules: Rule[] = []
  for (const [name, keyword] of keywords) {
    const operand = given.get(name)
    const rule = operand && keyword.parse(operand, context)
    if (rule !== undefined) rules.push(rule)
  }
  if (given.has('type') && given.has('bsonType')) {
    throw new DatabaseError('FailedToParse', 'Cannot specify both $jsonSchema keywords type and bsonType')
  }
  return new Schema(rules, { title: textOf(given.get('title')), description: textOf(given.get('description')) })
}

function refuseKeyword(name: string): never {
  if (absentKeywords.has(name)) {
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword '${name}' is not currently supported`)
  }
  if (encryptionKeywords.has(name)) {
    throw new DatabaseError(
      'FailedToParse',
      `$jsonSchema keyword '${name}' is not supported: there is no encryption by schema`,
    )
  }
  throw new DatabaseError('FailedToParse', `Unknown $jsonSchema keyword: ${name}`)
}

function textOf(value: Value | undefined): string | undefined {
  return value?.type === bsonType.string ? readString(value.bytes, value.start) : undefined
}
