/** `allOf anyOf oneOf not enum`: about values of any type. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import type { Value } from '../../../bson/value.ts'
import { positionIn, sortedDistinct } from '../../filter/operators/sorted-values.ts'
import { arrayOperand, objectOperand } from '../operands.ts'
import { type Explanation, type Keyword, type Rule, type Schema, type SchemaContext, specified } from '../schema.ts'
import { withSortedFields } from '../unordered.ts'

export const logicalKeywords: readonly Keyword[] = [
  {
    name: 'allOf',
    parse: (operand, context) => {
      const schemas = parseList('allOf', operand, context)
      return list('allOf', schemas, (matching) => matching === schemas.length)
    },
  },
  {
    name: 'anyOf',
    parse: (operand, context) => list('anyOf', parseList('anyOf', operand, context), (matching) => matching > 0),
  },
  {
    name: 'oneOf',
    parse: (operand, context) => list('oneOf', parseList('oneOf', operand, context), (matching) => matching === 1),
  },
  {
    name: 'not',
    parse: (operand, context) => {
      const schema = context.parse(objectOperand('not', operand))
      return {
        test: (type, bytes, start) => !schema.accepts(type, bytes, start),
        explain: () => ({ operatorName: 'not', ...schema.annotations, reason: 'child expression matched' }),
      }
    },
  },
  { name: 'enum', parse: enumeration },
]

function parseList(name: string, operand: Value, context: SchemaContext): Schema[] {
  const elements = arrayOperand(name, operand)
  if (elements.length === 0) {
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword '${name}' must be a non-empty array`)
  }
  return elements.map((element) => context.parse(objectOperand(name, element)))
}

function list(name: string, schemas: readonly Schema[], holds: (matching: number) => boolean): Rule {
  return {
    test: (type, bytes, start) => {
      let matching = 0
      for (const schema of schemas) if (schema.accepts(type, bytes, start)) matching++
      return holds(matching)
    },
    explain: (value) => {
      const matching = schemas.map((schema) => schema.accepts(value.type, value.bytes, value.start))
      if (name === 'oneOf' && matching.includes(true)) {
        return {
          operatorName: name,
          reason: 'more than one subschema matched',
          matchingSchemaIndexes: schemas.flatMap((_, index) => (matching[index] ? [index] : [])),
        }
      }
      const schemasNotSatisfied = schemas.flatMap((schema, index): Explanation[] =>
        matching[index] ? [] : [{ index, ...schema.annotations, details: schema.violations(value) }],
      )
      return { operatorName: name, schemasNotSatisfied }
    },
  }
}

function enumeration(operand: Value): Rule {
  const values = arrayOperand('enum', operand)
  if (values.length === 0) {
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword 'enum' cannot be an empty array`)
  }
  const sorted = sortedDistinct(values.map(withSortedFields))
  if (sorted.length < values.length) {
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword 'enum' array cannot contain duplicate values`)
  }
  return {
    test: (type, bytes, start) => {
      if (type !== bsonType.document && type !== bsonType.array) return positionIn(sorted, type, bytes, start) >= 0
      const value = withSortedFields({ type, bytes, start, end: start })
      return positionIn(sorted, type, value.bytes, value.start) >= 0
    },
    explain: (value) => ({
      ...specified('enum', operand),
      reason: 'value was not found in enum',
      consideredValue: value,
    }),
  }
}
