/** Parses pipelines, and says where each stage may stand. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, type Value } from '../bson/value.ts'
import { AvailableMetadata } from '../expression/available-metadata.ts'
import { Scope } from '../expression/scope.ts'
import type { InnerPipeline, Place, StageContext, StageDefinition, StagePlan } from './stage.ts'
import { stages } from './stages/table.ts'

export type Pipeline = readonly StagePlan[]

export interface ParseOptions {
  readonly scope?: Scope
  readonly place?: Place
  readonly database?: string
  /** undefined: the pipeline reads no collection. */
  readonly collection?: string | undefined
  readonly nowMs?: number
  /** What it reads is a view, whose documents may have metadata. */
  readonly overView?: boolean
}

/** Most stages of a pipeline. */
const stagesMax = 1000
/** Most pipelines inside each other. */
const depthMax = 20

const refusals: Readonly<Record<Place, number>> = {
  command: 0,
  facet: 40600,
  lookup: 51047,
  graphLookup: 51047,
  unionWith: 31441,
  view: 167,
  merge: 72,
  rankFusion: 9191103,
}

/**
 * `array`: the bytes of the command's `pipeline` array; the plans point into them.
 *
 * Errors: TypeMismatch for an element that is no document, 40323 for one without exactly one field, 40324 for an unknown stage, what
 * each stage refuses of its operand, and 40600 to 40603, 51047, 31441 for a stage in a place where it cannot be.
 */
export function parsePipeline(array: Uint8Array, start = 0, options: ParseOptions = {}): Pipeline {
  return parseIn(array, start, {
    scope: options.scope ?? Scope.outermost(),
    place: options.place ?? 'command',
    database: options.database ?? '',
    // Where no collection is named, the caller checks for himself whether there must be one.
    collection: 'collection' in options ? options.collection : '',
    nowMs: options.nowMs ?? 0,
    metadata: options.overView === true ? undefined : new AvailableMetadata(),
    depth: 0,
  })
}

interface Surroundings extends Pick<StageContext, 'scope' | 'place' | 'database' | 'collection' | 'nowMs'> {
  readonly metadata: AvailableMetadata | undefined
  readonly depth: number
}

function parseIn(array: Uint8Array, start: number, surroundings: Surroundings): Pipeline {
  if (surroundings.depth > depthMax) {
    throw new DatabaseError(
      'MaxSubPipelineDepthExceeded',
      `Maximum number of nested sub-pipelines exceeded. Limit is ${depthMax}`,
    )
  }
  const { metadata } = surroundings
  const context: StageContext = {
    ...surroundings,
    scope: surroundings.scope.withMetadata(metadata),
    pipeline: (value, inside) => parseInner(value, inside, surroundings),
    stage: (name, operand) => definitionOf(name).parse(operand, context),
  }
  const plans: StagePlan[] = []
  const definitions: StageDefinition[] = []
  for (const element of documentFields(array, start)) {
    const { stage, definition } = stageOf(element)
    // Such a stage has pipelines of its own, whose faults matter less than where it stands.
    if (definition.hasInputs === true && definitions.length > 0) throw notFirst(definition)
    definitions.push(definition)
    if (!passesMetadata.has(definition.name)) metadata?.withhold(definition.name)
    const plan = definition.parse(stage, context)
    if (plan.makesDocuments === true) metadata?.clear()
    if (plan.gives !== undefined) metadata?.give(plan.gives)
    plans.push(plan.operand === undefined ? { ...plan, operand: stage } : plan)
  }
  if (plans.length > stagesMax) {
    throw new DatabaseError(7749501, `Pipeline length must be no longer than ${stagesMax} stages`)
  }
  checkPlaces(definitions, surroundings)
  checkChangeStream(plans)
  metadata?.check()
  return plans
}

/** Stages that can tell of their documents what is known of those they were made of, or use it up. */
const passesMetadata: ReadonlySet<string> = new Set([
  '$addFields',
  '$bucket',
  '$bucketAuto',
  '$count',
  '$facet',
  '$fill',
  '$graphLookup',
  '$group',
  '$limit',
  '$lookup',
  '$match',
  '$project',
  '$redact',
  '$replaceRoot',
  '$replaceWith',
  '$sample',
  '$score',
  '$set',
  '$setWindowFields',
  '$skip',
  '$sort',
  '$sortByCount',
  '$unionWith',
  '$unset',
  '$unwind',
])

/** Stages that take one event and give one, or none. */
const changeStreamStages: ReadonlySet<string> = new Set([
  '$addFields',
  '$changeStream',
  '$changeStreamSplitLargeEvent',
  '$match',
  '$project',
  '$redact',
  '$replaceRoot',
  '$replaceWith',
  '$set',
  '$unset',
])

function checkChangeStream(plans: Pipeline): void {
  const isStream = plans[0]?.changeStream !== undefined
  plans.forEach((plan, i) => {
    const permitted = changeStreamStages.has(plan.name) || (plan.name === '$fill' && plan.oneToOne === true)
    if (isStream && !permitted)
      throw new DatabaseError('IllegalOperation', `${plan.name} is not permitted in a $changeStream pipeline`)
    if (plan.splitsEvents !== true) return
    if (!isStream)
      throw new DatabaseError('IllegalOperation', `${plan.name} can only be used in a $changeStream pipeline`)
    if (i < plans.length - 1) throw new DatabaseError(7182802, `${plan.name} must be the last stage in the pipeline`)
  })
}

function parseInner(value: Value, inside: InnerPipeline, outer: Surroundings): Pipeline {
  if (value.type !== bsonType.array) {
    throw new DatabaseError('TypeMismatch', `'pipeline' must be an array, got ${typeAlias(value.type)}`)
  }
  return parseIn(value.bytes, value.start, {
    scope: inside.scope ?? outer.scope,
    place: inside.place,
    database: inside.database ?? outer.database,
    collection: 'collection' in inside ? inside.collection : outer.collection,
    nowMs: outer.nowMs,
    // The documents are those that come to the stage, or others.
    metadata:
      inside.place === 'facet'
        ? outer.metadata && new AvailableMetadata(outer.metadata.names)
        : new AvailableMetadata(),
    depth: outer.depth + 1,
  })
}

function stageOf(element: Value): { stage: { readonly name: string } & Value; definition: StageDefinition } {
  if (element.type !== bsonType.document) {
    throw new DatabaseError('TypeMismatch', "Each element of the 'pipeline' array must be an object")
  }
  const [stage, second] = documentFields(element.bytes, element.start)
  if (stage === undefined || second !== undefined) {
    throw new DatabaseError(40323, 'A pipeline stage specification object must contain exactly one field.')
  }
  return { stage, definition: definitionOf(stage.name) }
}

function definitionOf(name: string): StageDefinition {
  const definition = stages.get(name)
  if (definition === undefined) throw new DatabaseError(40324, `Unrecognized pipeline stage name: '${name}'`)
  return definition
}

function checkPlaces(definitions: readonly StageDefinition[], { place, collection, database }: Surroundings): void {
  for (const definition of definitions) {
    const { name } = definition
    const refusal = definition.refusedIn?.[place]
    if (refusal !== undefined) throw new DatabaseError(refusal, `${name} is not allowed ${placeName(place)}`)
    if (
      place === 'facet' &&
      (definition.last === true || (definition.first !== undefined && definition.first === true))
    ) {
      throw new DatabaseError(40600, `${name} is not allowed to be used within a $facet stage`)
    }
    if (definition.last === true && place !== 'command') {
      throw new DatabaseError(refusals[place], `${name} is not allowed ${placeName(place)}`)
    }
  }
  const [head] = definitions
  if (collection === undefined) {
    if (head?.collectionless !== true && head?.collectionless !== 'either') {
      throw new DatabaseError(
        'InvalidNamespace',
        `{aggregate: 1} is not valid for ${head === undefined ? 'an empty pipeline' : `'${head.name}'; a collection is required`}.`,
      )
    }
  } else if (head?.collectionless === true && (collection !== '' || database !== '')) {
    throw new DatabaseError('InvalidNamespace', `'${head.name}' can only be run with {aggregate: 1}`)
  }
  definitions.forEach((definition, i) => {
    const { name, first, last } = definition
    if (first !== undefined && first !== false && i > 0) throw notFirst(definition)
    if (last === true && i < definitions.length - 1) {
      throw new DatabaseError(40601, `${name} can only be the final stage in the pipeline`)
    }
  })
}

function notFirst({ name, first }: StageDefinition): DatabaseError {
  return new DatabaseError(
    typeof first === 'number' ? first : 40602,
    `${name} is only valid as the first stage in a pipeline`,
  )
}

function placeName(place: Place): string {
  switch (place) {
    case 'facet':
      return 'to be used within a $facet stage'
    case 'lookup':
    case 'graphLookup':
      return 'within a $lookup stage'
    case 'unionWith':
      return "within a $unionWith's sub-pipeline"
    case 'view':
      return 'in a view definition'
    default:
      return 'here'
  }
}
