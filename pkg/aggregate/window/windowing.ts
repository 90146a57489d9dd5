/** What `$setWindowFields` is told: by what documents are divided and ordered, and which functions make values of them. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import type { GivenMetadata } from '../../expression/available-metadata.ts'
import type { Expression } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import { parseSort, type Sort } from '../../query/sort/parse.ts'
import { givenMetadata, isCarried, metadataPath } from '../carried-metadata.ts'
import { FieldGathering, type NeededFields } from '../needed-fields.ts'
import { type Frame, parseFrame } from './frame.ts'
import { windowFunctions } from './table.ts'
import type { WindowFunction } from './window-function.ts'

export interface Windowing {
  readonly partitionBy: Expression | undefined
  readonly sort: Sort | undefined
  readonly output: readonly { readonly path: string; readonly function: WindowFunction }[]
  /** Metadata of its documents, which they keep. */
  readonly carried: readonly GivenMetadata[]
}

/** What it reads itself, and what of its input will be read after it. */
export function fieldsRead(windowing: Windowing, after: NeededFields | undefined): NeededFields | undefined {
  const { partitionBy, sort, output } = windowing
  // An output path with dots changes a part of what is there.
  const whole = output.filter(({ path }) => !path.includes('.')).map(({ path }) => path)
  const gathering = new FieldGathering().others(after, whole).expression(partitionBy)
  for (const { path } of sort?.parts ?? []) if (!isCarried(path)) gathering.path(path.text)
  for (const column of output) {
    if (column.function.reads === undefined) gathering.all()
    else column.function.reads(gathering)
  }
  return gathering.fields
}

export function parseWindowing(operand: Value, scope: Scope): Windowing {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'FailedToParse',
      `the $setWindowFields stage specification must be an object, found ${typeAlias(operand.type)}`,
    )
  }
  let partitionBy: Expression | undefined
  let sort: Sort | undefined
  /** Also by an order of no fields. */
  let isOrdered = false
  let output: Value | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    switch (field.name) {
      case 'partitionBy':
        if (field.type !== bsonType.null) partitionBy = parseExpression(field, scope)
        break
      case 'sortBy':
        if (field.type === bsonType.null) break
        if (field.type !== bsonType.document) throw wrongType('sortBy', field)
        isOrdered = true
        sort = parseSort(field.bytes, field.start, scope.collation, metadataPath(scope.metadata))
        if (sort.parts.length === 0) sort = undefined
        break
      case 'output':
        if (field.type !== bsonType.document) throw wrongType('output', field)
        output = field
        break
      default:
        throw new DatabaseError('UnknownField', `BSON field '$setWindowFields.${field.name}' is an unknown field.`)
    }
  }
  if (output === undefined) {
    throw new DatabaseError('MissingField', "BSON field '$setWindowFields.output' is missing but a required field")
  }
  const columns = [...documentFields(output.bytes, output.start)].map((field) => {
    splitFieldPath(field.name)
    return { path: field.name, function: parseOutput(field, scope, sort, isOrdered) }
  })
  return { partitionBy, sort, output: columns, carried: givenMetadata(scope) }
}

function wrongType(name: string, value: Value): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '$setWindowFields.${name}' is the wrong type '${typeAlias(value.type)}', expected type 'object'`,
  )
}

/** `{$function: operand, window: frame}`. Errors: FailedToParse, and 5339901, 5339902, 8947401 for a frame without its order. */
function parseOutput(
  field: { readonly name: string } & Value,
  scope: Scope,
  sort: Sort | undefined,
  isOrdered: boolean,
): WindowFunction {
  if (field.type !== bsonType.document) {
    throw new DatabaseError('FailedToParse', `The field '${field.name}' must be an object`)
  }
  let operand: ({ readonly name: string } & Value) | undefined
  let frame: Frame | undefined
  for (const part of documentFields(field.bytes, field.start)) {
    if (part.name === 'window') frame = parseFrame(part)
    else if (!part.name.startsWith('$')) {
      throw new DatabaseError('FailedToParse', `Window function found an unknown argument: ${part.name}`)
    } else if (operand !== undefined) {
      throw new DatabaseError('FailedToParse', 'Cannot specify two functions in window function spec')
    } else operand = part
  }
  if (operand === undefined) throw new DatabaseError('FailedToParse', 'Expected a $-prefixed window function')
  const definition = windowFunctions.get(operand.name)
  if (definition === undefined) {
    throw new DatabaseError('FailedToParse', `Unrecognized window function, ${operand.name}`)
  }
  if (frame !== undefined) refuseUnordered(frame, sort, isOrdered)
  return definition.parse(operand, { scope, frame, sort })
}

function refuseUnordered({ kind, lower, upper }: Frame, sort: Sort | undefined, isOrdered: boolean): void {
  if (kind === 'documents') {
    if (!isOrdered && (lower !== -Infinity || upper !== Infinity)) {
      throw new DatabaseError(5339901, 'Document-based bounds require a sortBy')
    }
    return
  }
  if (sort?.parts.length !== 1) throw new DatabaseError(5339902, 'Range-based bounds require a sortBy a single field')
  if (sort.parts[0]!.descending) throw new DatabaseError(8947401, 'Range-based bounds require an ascending sortBy')
}
