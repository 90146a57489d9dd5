/** `properties patternProperties additionalProperties required minProperties maxProperties`: about documents. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import type { Regex } from '../../../regex/regex.ts'
import { parseRegexPattern } from '../../filter/operators/regex.ts'
import { findElement } from '../../path.ts'
import { booleanOperand, countOperand, mismatch, namesOperand, objectOperand } from '../operands.ts'
import { type Keyword, type Rule, type Schema, type SchemaContext, sibling, specified, wholeValue } from '../schema.ts'

export const objectKeywords: readonly Keyword[] = [
  { name: 'properties', parse: properties },
  { name: 'patternProperties', parse: patternProperties },
  { name: 'additionalProperties', parse: additionalProperties },
  { name: 'required', parse: required },
  count('minProperties', (found, wanted) => found >= wanted),
  count('maxProperties', (found, wanted) => found <= wanted),
]

/** The value of a property of the document at `start`, or undefined. */
function property(bytes: Uint8Array, start: number, name: Uint8Array): Value | undefined {
  const at = findElement(bytes, start, name)
  return at < 0 ? undefined : wholeValue(bytes[at]!, bytes, at + name.length + 2)
}

export function hasProperty(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  return findElement(bytes, start, name) >= 0
}

function properties(operand: Value, context: SchemaContext): Rule {
  const document = objectOperand('properties', operand)
  const wanted = [...documentFields(document.bytes, document.start)].map((field) => ({
    name: field.name,
    bytes: utf8Bytes(field.name),
    schema: context.parse(objectOperand(`properties.${field.name}`, field)),
  }))
  return {
    test: (type, bytes, start) => {
      if (type !== bsonType.document) return true
      for (const { bytes: name, schema } of wanted) {
        const at = findElement(bytes, start, name)
        if (at >= 0 && !schema.accepts(bytes[at]!, bytes, at + name.length + 2)) return false
      }
      return true
    },
    explain: ({ bytes, start }) => ({
      operatorName: 'properties',
      propertiesNotSatisfied: wanted.flatMap(({ name, bytes: nameBytes, schema }) => {
        const value = property(bytes, start, nameBytes)
        if (value === undefined || schema.accepts(value.type, value.bytes, value.start)) return []
        return [{ propertyName: name, ...schema.annotations, details: schema.violations(value) }]
      }),
    }),
  }
}

interface PatternSchema {
  readonly pattern: string
  readonly regex: Regex
  readonly schema: Schema
}

function patternProperties(operand: Value, context: SchemaContext): Rule {
  const patterns = patternSchemas(operand, context)
  const failing = (value: Value) =>
    [...documentFields(value.bytes, value.start)].flatMap((field) =>
      patterns
        .filter(({ regex, schema }) => regex.test(field.name) && !schema.accepts(field.type, field.bytes, field.start))
        .map((pattern) => ({ field, pattern })),
    )
  return {
    test: (type, bytes, start) => {
      if (type !== bsonType.document) return true
      const walker = new ElementWalker().reset(bytes, start)
      while (walker.next()) {
        for (const { regex, schema } of patterns) {
          if (!regex.testUtf8(bytes, walker.nameStart, walker.nameEnd)) continue
          if (!schema.accepts(walker.type, bytes, walker.valueStart)) return false
        }
      }
      return true
    },
    explain: (value) => ({
      operatorName: 'patternProperties',
      details: failing(value).map(({ field, pattern }) => ({
        propertyName: field.name,
        regexMatched: pattern.pattern,
        ...pattern.schema.annotations,
        details: pattern.schema.violations(field),
      })),
    }),
  }
}

function patternSchemas(operand: Value, context: SchemaContext): PatternSchema[] {
  const document = objectOperand('patternProperties', operand)
  return [...documentFields(document.bytes, document.start)].map((field) => ({
    pattern: field.name,
    regex: propertyPattern(field.name),
    schema: context.parse(objectOperand(`patternProperties.${field.name}`, field)),
  }))
}

function propertyPattern(pattern: string): Regex {
  try {
    return parseRegexPattern(pattern, '')
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new DatabaseError('BadValue', `Invalid regular expression in $jsonSchema patternProperties: ${error.message}`)
  }
}

interface Property {
  readonly name: string
  readonly value: Value
}

/** About the properties that neither `properties` nor `patternProperties` name. */
function additionalProperties(operand: Value, context: SchemaContext): Rule | undefined {
  const isSchema = operand.type === bsonType.document
  if (!isSchema && operand.type !== bsonType.boolean) {
    throw mismatch('additionalProperties', 'either an object or a boolean')
  }
  const schema = isSchema ? context.parse(operand) : undefined
  if (schema === undefined && booleanOperand('additionalProperties', operand)) return undefined
  const isNamed = namedBySiblings(context)
  const failing = (bytes: Uint8Array, start: number, all: boolean): Property[] => {
    const found: Property[] = []
    const walker = new ElementWalker().reset(bytes, start)
    while ((all || found.length === 0) && walker.next()) {
      if (isNamed(walker) || schema?.accepts(walker.type, bytes, walker.valueStart)) continue
      found.push({ name: walker.name(), value: walker.value() })
    }
    return found
  }
  return {
    test: (type, bytes, start) => type !== bsonType.document || failing(bytes, start, false).length === 0,
    explain: ({ bytes, start }) => {
      const found = failing(bytes, start, true)
      if (schema === undefined) {
        return { ...specified('additionalProperties', operand), additionalProperties: found.map(({ name }) => name) }
      }
      return {
        operatorName: 'additionalProperties',
        reason: 'at least one additional property did not match the subschema',
        failingProperty: found[0]!.name,
        details: schema.violations(found[0]!.value),
      }
    },
  }
}

function namedBySiblings(context: SchemaContext): (walker: ElementWalker) => boolean {
  const names = sibling(context, 'properties')
  const patterns = sibling(context, 'patternProperties')
  const named =
    names?.type === bsonType.document
      ? [...documentFields(names.bytes, names.start)].map(({ name }) => utf8Bytes(name))
      : []
  const regexes =
    patterns?.type === bsonType.document
      ? [...documentFields(patterns.bytes, patterns.start)].map(({ name }) => propertyPattern(name))
      : []
  return (walker) =>
    named.some((name) => walker.nameIs(name)) ||
    regexes.some((regex) => regex.testUtf8(walker.bytes, walker.nameStart, walker.nameEnd))
}

function required(operand: Value): Rule {
  const names = namesOperand('required', operand).map((name) => ({ name, bytes: utf8Bytes(name) }))
  return {
    test: (type, bytes, start) =>
      type !== bsonType.document || names.every((name) => hasProperty(bytes, start, name.bytes)),
    explain: ({ bytes, start }) => ({
      ...specified('required', operand),
      missingProperties: names.filter((name) => !hasProperty(bytes, start, name.bytes)).map(({ name }) => name),
    }),
  }
}

function count(name: string, holds: (found: number, wanted: number) => boolean): Keyword {
  return {
    name,
    parse: (operand) => {
      const wanted = countOperand(name, operand)
      return {
        test: (type, bytes, start) => type !== bsonType.document || holds(propertyCount(bytes, start), wanted),
        explain: ({ bytes, start }) => ({
          ...specified(name, operand),
          reason: 'specified number of properties was not satisfied',
          numberOfProperties: propertyCount(bytes, start),
        }),
      }
    },
  }
}

function propertyCount(bytes: Uint8Array, start: number): number {
  const walker = new ElementWalker().reset(bytes, start)
  let found = 0
  while (walker.next()) found++
  return found
}
