/** `$jsonSchema` */
import { bsonType } from '../../../bson/type.ts'
import { parseSchema } from '../../schema/parse.ts'
import type { Predicate, TopLevelOperator } from '../operator.ts'
import type { JsonSchemaFilter } from '../tree.ts'

export const jsonSchemaOperator: TopLevelOperator = {
  name: '$jsonSchema',
  parse: (operand): JsonSchemaFilter => ({
    kind: 'jsonSchema',
    schema: parseSchema(operand),
    sizeBytes: operand.end - operand.start,
  }),
}

export function jsonSchemaPredicate({ schema }: JsonSchemaFilter): Predicate {
  return (bytes, start) => schema.accepts(bsonType.document, bytes, start)
}
