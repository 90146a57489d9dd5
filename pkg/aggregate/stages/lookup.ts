import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, readString, type Value } from '../../bson/value.ts'
import type { Expression } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import { parseExpression } from '../../expression/parse.ts'
import { refuseUnfitVariableName, type Scope } from '../../expression/scope.ts'
import { parsePath } from '../../query/path.ts'
import { givenMetadata } from '../carried-metadata.ts'
import type { Namespace } from '../host.ts'
import { type Lookup, LookupStage } from '../lookup-stage.ts'
import { FieldGathering, type NeededFields } from '../needed-fields.ts'
import { changes } from '../path-effects.ts'
import type { StageContext, StageDefinition, StagePlan } from '../stage.ts'

/**
 * `{$lookup: {from, localField, foreignField, let, pipeline, as}}`: to each document the array of those of another collection
 * that have an equal value, or that a pipeline finds.
 */
export const lookup: StageDefinition = {
  name: '$lookup',
  parse: (operand, context) => planOf(parseLookup(operand, context), undefined),
}

/** `needed`: the fields that will be read of its documents; undefined: all. */
function planOf(lookup: Lookup, needed: NeededFields | undefined): StagePlan {
  const plan: StagePlan = {
    name: '$lookup',
    effects: changes([lookup.as]),
    oneToOne: true,
    reads: [lookup.from, ...lookup.pipeline.flatMap(({ reads }) => reads ?? [])],
    needs: (after) => fieldsRead(lookup, after),
    narrowed: (fields) => planOf(lookup, fields),
    open: (input, run) => new LookupStage(input, run, lookup, needed),
    fused(next) {
      const { unwinding } = next
      if (unwinding === undefined || unwinding.path !== lookup.as) return undefined
      const { oneToOne, fused, ...rest } = planOf({ ...lookup, unwinding }, needed)
      return {
        ...rest,
        effects: changes([lookup.as, ...(unwinding.indexPath === undefined ? [] : [unwinding.indexPath])]),
      }
    },
  }
  return plan
}

/** What it reads itself, and what of its input will be read after it. */
function fieldsRead({ as, localPath, variables }: Lookup, after: NeededFields | undefined): NeededFields | undefined {
  const gathering = new FieldGathering().others(after, as.includes('.') ? [] : [as])
  if (localPath !== undefined) gathering.path(localPath.text)
  for (const { expression } of variables) gathering.expression(expression)
  return gathering.fields
}

const known: ReadonlySet<string> = new Set(['from', 'localField', 'foreignField', 'let', 'pipeline', 'as'])

function parseLookup(operand: Value, context: StageContext): Lookup {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'FailedToParse',
      `the $lookup stage specification must be an object, but found ${typeAlias(operand.type)}`,
    )
  }
  const options = new Map<string, Value>()
  let unknown: string | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (!known.has(field.name)) unknown ??= field.name
    else if (field.type !== bsonType.null) options.set(field.name, field)
    else if (field.name === 'from') throw new DatabaseError('FailedToParse', "$lookup argument 'from' must be a string")
  }
  const pipeline = options.get('pipeline')
  const from = namespaceOf(options.get('from'), pipeline, context)
  if (unknown !== undefined) {
    throw new DatabaseError('UnknownField', `BSON field '$lookup.${unknown}' is an unknown field.`)
  }
  const as = textOf(options, 'as')
  if (as === undefined) {
    throw new DatabaseError('MissingField', "BSON field '$lookup.as' is missing but a required field")
  }
  const localField = textOf(options, 'localField') || undefined
  const foreignField = textOf(options, 'foreignField') || undefined
  if (pipeline !== undefined && pipeline.type !== bsonType.array) {
    throw new DatabaseError(
      'TypeMismatch',
      `'pipeline' option must be specified as an array, got ${typeAlias(pipeline.type)}`,
    )
  }
  if ((localField === undefined) !== (foreignField === undefined)) {
    throw new DatabaseError(
      'FailedToParse',
      "$lookup requires both or neither of 'localField' and 'foreignField' to be specified",
    )
  }
  if (localField === undefined && pipeline === undefined) {
    throw new DatabaseError(
      'FailedToParse',
      "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified",
    )
  }
  splitFieldPath(as)
  if (localField !== undefined) splitFieldPath(localField)
  if (foreignField !== undefined) splitFieldPath(foreignField)
  const given = options.get('let')
  if (given !== undefined && pipeline === undefined) {
    throw new DatabaseError('FailedToParse', "$lookup with 'let' needs a 'pipeline'")
  }
  const { scope, variables } = parseLet('$lookup', given, context.scope)
  return {
    from,
    localPath: localField === undefined ? undefined : parsePath(localField),
    foreignPath: foreignField === undefined ? undefined : parsePath(foreignField),
    variables,
    scope,
    hasPipeline: pipeline !== undefined,
    pipeline:
      pipeline === undefined
        ? []
        : context.pipeline(pipeline, {
            place: 'lookup',
            scope,
            database: from.database,
            collection: options.has('from') ? from.collection : undefined,
          }),
    as,
    carriesMetadata: givenMetadata(context.scope).length > 0,
    unwinding: undefined,
  }
}

/** The `let` of a stage: its variables' expressions by slot, and the scope that has them. */
export function parseLet(
  stage: string,
  given: Value | undefined,
  scope: Scope,
): { scope: Scope; variables: { slot: number; expression: Expression }[] } {
  if (given === undefined) return { scope, variables: [] }
  if (given.type !== bsonType.document) {
    throw new DatabaseError('TypeMismatch', `${stage} argument 'let' must be an object, is ${typeAlias(given.type)}`)
  }
  const fields = [...documentFields(given.bytes, given.start)]
  for (const { name } of fields) refuseUnfitVariableName(name)
  const expressions = fields.map((field) => parseExpression(field, scope))
  const inner = scope.with(fields.map(({ name }) => name))
  return {
    scope: inner.scope,
    variables: expressions.map((expression, i) => ({ slot: inner.slots[i]!, expression })),
  }
}

function textOf(options: ReadonlyMap<string, Value>, name: string): string | undefined {
  const value = options.get(name)
  if (value === undefined) return undefined
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      'TypeMismatch',
      `$lookup argument '${name}' must be a string, is type ${typeAlias(value.type)}`,
    )
  }
  return readString(value.bytes, value.start)
}

function namespaceOf(from: Value | undefined, pipeline: Value | undefined, context: StageContext): Namespace {
  if (from === undefined) {
    if (pipeline !== undefined && beginsWithDocuments(pipeline)) {
      return { database: context.database, collection: '' }
    }
    throw new DatabaseError('FailedToParse', "must specify 'from' field for a $lookup")
  }
  if (from.type === bsonType.document) return namespaceDocument(from, context)
  if (from.type !== bsonType.string) {
    throw new DatabaseError(
      'FailedToParse',
      `$lookup argument 'from' must be a string, but found ${typeAlias(from.type)}`,
    )
  }
  const collection = readString(from.bytes, from.start)
  refuseUnfitCollection(context.database, collection)
  return { database: context.database, collection }
}

export function refuseUnfitCollection(database: string, collection: string): void {
  if (collection === '' || collection.startsWith('.') || collection.includes('\0')) {
    throw new DatabaseError('InvalidNamespace', `Invalid namespace specified '${database}.${collection}'`)
  }
}

function namespaceDocument(from: Value, context: StageContext): Namespace {
  let database: string | undefined
  let collection: string | undefined
  for (const field of documentFields(from.bytes, from.start)) {
    if (field.name !== 'db' && field.name !== 'coll') {
      throw new DatabaseError('UnknownField', `BSON field 'from.${field.name}' is an unknown field.`)
    }
    if (field.type !== bsonType.string) {
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'from.${field.name}' is the wrong type '${typeAlias(field.type)}', expected type 'string'`,
      )
    }
    const text = readString(field.bytes, field.start)
    if (field.name === 'db') database = text
    else collection = text
  }
  if (database !== undefined && database !== context.database) {
    throw new DatabaseError('FailedToParse', '$lookup from another database is only supported for internal collections')
  }
  refuseUnfitCollection(context.database, collection ?? '')
  return { database: database ?? context.database, collection: collection! }
}

export function beginsWithDocuments(pipeline: Value): boolean {
  if (pipeline.type !== bsonType.array) return false
  const [first] = documentFields(pipeline.bytes, pipeline.start)
  if (first?.type !== bsonType.document) return false
  const [stage] = documentFields(first.bytes, first.start)
  return stage?.name === '$documents'
}
