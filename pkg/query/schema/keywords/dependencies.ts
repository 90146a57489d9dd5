/** `dependencies`: where one property is, others must be, or the document must obey a schema. */
import { bsonType } from '../../../bson/type.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { mismatch, namesOperand, objectOperand } from '../operands.ts'
import type { Explanation, Keyword, SchemaContext } from '../schema.ts'
import { hasProperty } from './object.ts'

interface Dependency {
  readonly name: string
  readonly bytes: Uint8Array
  readonly holds: (bytes: Uint8Array, start: number) => boolean
  readonly explain: (document: Value) => Explanation
}

export const dependenciesKeyword: Keyword = {
  name: 'dependencies',
  parse: (operand, context) => {
    const document = objectOperand('dependencies', operand)
    const dependencies = [...documentFields(document.bytes, document.start)].map((field) =>
      dependency(field.name, field, context),
    )
    const fails = (each: Dependency, bytes: Uint8Array, start: number): boolean =>
      hasProperty(bytes, start, each.bytes) && !each.holds(bytes, start)
    return {
      test: (type, bytes, start) =>
        type !== bsonType.document || !dependencies.some((each) => fails(each, bytes, start)),
      explain: (value) => ({
        operatorName: 'dependencies',
        failingDependencies: dependencies
          .filter((each) => fails(each, value.bytes, value.start))
          .map((each) => ({ conditionalProperty: each.name, ...each.explain(value) })),
      }),
    }
  },
}

function dependency(name: string, value: Value, context: SchemaContext): Dependency {
  const bytes = utf8Bytes(name)
  if (value.type === bsonType.document) {
    const schema = context.parse(value)
    return {
      name,
      bytes,
      holds: (document, start) => schema.accepts(bsonType.document, document, start),
      explain: (document) => ({ ...schema.annotations, details: schema.violations(document) }),
    }
  }
  if (value.type !== bsonType.array) throw mismatch(`dependencies.${name}`, 'either an object or an array')
  const names = namesOperand(`dependencies.${name}`, value).map((each) => ({ name: each, bytes: utf8Bytes(each) }))
  return {
    name,
    bytes,
    holds: (document, start) => names.every((each) => hasProperty(document, start, each.bytes)),
    explain: (document) => ({
      missingProperties: names
        .filter((each) => !hasProperty(document.bytes, document.start, each.bytes))
        .map((each) => each.name),
    }),
  }
}
