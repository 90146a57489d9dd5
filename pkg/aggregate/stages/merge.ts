import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, readString, type Value } from '../../bson/value.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import { rootPath } from '../../expression/source.ts'
import type { Namespace } from '../host.ts'
import { type Merge, MergeStage, type WhenMatched, type WhenNotMatched } from '../merge-stage.ts'
import type { StageContext, StageDefinition, StagePlan } from '../stage.ts'
import { parseLet } from './lookup.ts'

/** `{$merge: {into, on, let, whenMatched, whenNotMatched}}` or `{$merge: collection}`: writes into a collection. */
export const merge: StageDefinition = {
  name: '$merge',
  last: true,
  parse(operand, context) {
    const parsed = parseMerge(operand, context)
    return { name: '$merge', writes: true, open: (input, run) => new MergeStage(input, run, parsed) }
  },
}

function parseMerge(operand: Value, context: StageContext): Merge {
  if (operand.type === bsonType.string) {
    const collection = readString(operand.bytes, operand.start)
    if (collection === '') {
      throw new DatabaseError('InvalidNamespace', `Invalid $merge target namespace: '${context.database}.'`)
    }
    const into = { database: context.database, collection }
    refuseSpecial(into)
    return { into, on: ['_id'], ...defaults }
  }
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(51182, `$merge requires a string or object argument, but found ${typeAlias(operand.type)}`)
  }
  let into: Namespace | undefined
  let on = ['_id']
  let given: Value | undefined
  let matched: Value | undefined
  let whenNotMatched: WhenNotMatched = 'insert'
  for (const field of documentFields(operand.bytes, operand.start)) {
    switch (field.name) {
      case 'into':
        into = targetOf(field, context)
        break
      case 'on':
        on = onFields(field)
        break
      case 'let':
        if (field.type !== bsonType.null) given = field
        break
      case 'whenMatched':
        matched = field
        break
      case 'whenNotMatched':
        if (field.type !== bsonType.null) whenNotMatched = notMatchedOf(field)
        break
      case 'targetCollectionVersion':
      case 'allowMergeOnNullishValues':
        break
      default:
        throw new DatabaseError('UnknownField', `BSON field '$merge.${field.name}' is an unknown field.`)
    }
  }
  if (into === undefined) {
    throw new DatabaseError('MissingField', "BSON field '$merge.into' is missing but a required field")
  }
  refuseSpecial(into)
  const pipelined = matched?.type === bsonType.array ? matched : undefined
  if (given !== undefined) refuseUnfitLet(given, pipelined !== undefined)
  if (pipelined !== undefined) return { into, on, whenNotMatched, ...updating(pipelined, given, context) }
  const whenMatched = matched === undefined ? 'merge' : matchedOf(matched)
  if ((whenMatched === 'keepExisting' || whenMatched === 'fail') && whenNotMatched !== 'insert') {
    throw new DatabaseError(
      51181,
      `Combination of $merge modes whenMatched: ${whenMatched} and whenNotMatched: ${whenNotMatched} is not supported`,
    )
  }
  return { ...defaults, into, on, whenMatched, whenNotMatched }
}

const defaults = {
  whenMatched: 'merge',
  whenNotMatched: 'insert',
  pipeline: undefined,
  variables: [],
} as const

/** The pipeline that makes the new document of the old one, with the variables of `let`; without `let`, `$$new` is the incoming document. */
function updating(
  pipeline: Value,
  given: Value | undefined,
  context: StageContext,
): Pick<Merge, 'whenMatched' | 'pipeline' | 'variables'> {
  const { scope, variables } = parseLet('$merge', given, context.scope)
  const names = given === undefined ? [] : [...documentFields(given.bytes, given.start)].map(({ name }) => name)
  const incoming = scope.with(names.includes('new') ? [] : ['new'])
  const plans: readonly StagePlan[] = context.pipeline(pipeline, { place: 'merge', scope: incoming.scope })
  return {
    whenMatched: 'pipeline',
    pipeline: plans,
    variables: [
      ...variables.map((variable, i) => ({ ...variable, name: names[i]! })),
      ...incoming.slots.map((slot) => ({ slot, name: 'new', expression: rootPath([]) })),
    ],
  }
}

function refuseUnfitLet(given: Value, hasPipeline: boolean): void {
  if (given.type !== bsonType.document) {
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '$merge.let' is the wrong type '${typeAlias(given.type)}', expected type 'object'`,
    )
  }
  if (!hasPipeline) {
    throw new DatabaseError(51199, "Cannot use 'let' variables with 'whenMatched' other than a pipeline")
  }
  for (const field of documentFields(given.bytes, given.start)) {
    if (field.name !== 'new') continue
    if (field.type === bsonType.string && readString(field.bytes, field.start) === '$$ROOT') continue
    throw new DatabaseError(51273, "'let' may not define a value for the reserved 'new' variable other than '$$ROOT'")
  }
}

function matchedOf(value: Value): WhenMatched {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      51191,
      `$merge 'whenMatched' field must be either a string or an array, but found ${typeAlias(value.type)}`,
    )
  }
  const text = readString(value.bytes, value.start)
  switch (text) {
    case 'replace':
    case 'merge':
    case 'keepExisting':
    case 'fail':
      return text
    default:
      throw new DatabaseError('BadValue', `Enumeration value '${text}' for field 'whenMatched' is not a valid value.`)
  }
}

function notMatchedOf(value: Value): WhenNotMatched {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '$merge.whenNotMatched' is the wrong type '${typeAlias(value.type)}', expected type 'string'`,
    )
  }
  const text = readString(value.bytes, value.start)
  if (text === 'insert' || text === 'discard' || text === 'fail') return text
  throw new DatabaseError(
    'BadValue',
    `Enumeration value '${text}' for field '$merge.whenNotMatched' is not a valid value.`,
  )
}

function targetOf(value: Value, context: StageContext): Namespace {
  if (value.type === bsonType.string) {
    const collection = readString(value.bytes, value.start)
    if (collection === '') throw new DatabaseError(5786800, "$merge 'into' must name a collection")
    return { database: context.database, collection }
  }
  if (value.type !== bsonType.document) {
    throw new DatabaseError(
      51178,
      `$merge 'into' field must be either a string or an object, but found ${typeAlias(value.type)}`,
    )
  }
  let { database } = context
  let collection = ''
  for (const field of documentFields(value.bytes, value.start)) {
    if (field.name !== 'db' && field.name !== 'coll') {
      throw new DatabaseError('UnknownField', `BSON field 'into.${field.name}' is an unknown field.`)
    }
    if (field.type === bsonType.null) continue
    if (field.type !== bsonType.string) {
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'into.${field.name}' is the wrong type '${typeAlias(field.type)}', expected type 'string'`,
      )
    }
    const text = readString(field.bytes, field.start)
    if (field.name === 'coll') collection = text
    else if (text !== '') database = text
  }
  if (/[/\\. "$\0]/.test(database)) {
    throw new DatabaseError('InvalidNamespace', `Invalid $merge target namespace: '${database}.${collection}'`)
  }
  if (collection === '') throw new DatabaseError(5786801, "$merge 'into.coll' must be specified")
  return { database, collection }
}

/** Errors: 31319 and 31320 for what belongs to the server itself. */
function refuseSpecial({ database, collection }: Namespace): void {
  if (collection.startsWith('system.')) {
    throw new DatabaseError(31319, `Cannot $merge to special collection: ${collection}`)
  }
  if (database === 'admin' || database === 'config' || database === 'local') {
    throw new DatabaseError(31320, `Cannot $merge to internal database: ${database}`)
  }
}

function onFields(value: Value): string[] {
  if (value.type === bsonType.string) {
    const path = readString(value.bytes, value.start)
    splitFieldPath(path)
    return [path]
  }
  if (value.type !== bsonType.array) {
    throw new DatabaseError(
      51186,
      `$merge 'on' field must be either a string or an array of strings, but found ${typeAlias(value.type)}`,
    )
  }
  const paths: string[] = []
  for (const element of documentFields(value.bytes, value.start)) {
    if (element.type !== bsonType.string) {
      throw new DatabaseError(51134, `$merge 'on' array elements must be strings, but found ${typeAlias(element.type)}`)
    }
    const path = readString(element.bytes, element.start)
    splitFieldPath(path)
    if (paths.includes(path)) throw new DatabaseError(31465, `Found a duplicate field '${path}' in $merge.on`)
    paths.push(path)
  }
  if (paths.length === 0) {
    throw new DatabaseError(51187, "If explicitly specifying $merge 'on', must include at least one field")
  }
  return paths
}
