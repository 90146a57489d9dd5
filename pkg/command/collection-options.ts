/** What create and collMod read alike of a collection's options. */
import { DatabaseError } from '../base/errors.ts'
import { rawDocument } from '../bson/build.ts'
import { Fields, strictBooleanType } from './fields.ts'
import { checkRelations } from './relations-option.ts'
import { checkValidator } from './validator.ts'

const levels: ReadonlySet<string> = new Set(['off', 'strict', 'moderate'])
const actions: ReadonlySet<string> = new Set(['error', 'warn', 'errorAndLog'])

export interface ValidationRequest {
  readonly validator: Uint8Array | undefined
  readonly level: string | undefined
  readonly action: string | undefined
}

/** The options about validation that `command` was given, as they are kept. Errors: BadValue, and what is wrong with the validator. */
export function validationOptions(
  command: string,
  database: string,
  collection: string,
  { validator, level, action }: ValidationRequest,
): Record<string, unknown> {
  checkEnumeration(`${command}.validationLevel`, level, levels)
  checkEnumeration(`${command}.validationAction`, action, actions)
  const options: Record<string, unknown> = {}
  if (validator !== undefined) {
    checkValidator(database, collection, validator)
    options['validator'] = rawDocument(validator.slice())
  }
  if (level !== undefined) options['validationLevel'] = level
  if (action !== undefined) options['validationAction'] = action
  return options
}

function checkEnumeration(field: string, value: string | undefined, allowed: ReadonlySet<string>): void {
  if (value !== undefined && !allowed.has(value))
    throw new DatabaseError('BadValue', `Enumeration value '${value}' for field '${field}' is not a valid value.`)
}

/** Reads `changeStreamPreAndPostImages` of `command`: whether images are kept. */
export function preImagesReader(command: string): (option: Uint8Array) => boolean {
  const fields = new Fields(`${command}.changeStreamPreAndPostImages`, {
    enabled: { type: strictBooleanType, required: true },
  })
  return (option) => fields.read(option, 0).boolean(fields.at.enabled)
}

/** The relations as they are kept. */
export function relationsOption(relations: Uint8Array): unknown {
  checkRelations(relations)
  return rawDocument(relations.slice())
}

/** Errors: BadValue for more documents than a capped collection can be limited to. */
export function checkCappedMax(max: number | undefined): void {
  if (max !== undefined && max > 0x7fffffff)
    throw new DatabaseError('BadValue', 'max in a capped collection has to be < 2^31 or not set')
}

/** The sizes of capped collections are whole multiples of this, as MongoDB's. */
const cappedSizeUnit = 256

/** A capped collection's size as it is kept. */
export function cappedSize(sizeBytes: number): number | bigint {
  const rounded = Math.ceil(sizeBytes / cappedSizeUnit) * cappedSizeUnit
  return rounded > 0x7fffffff ? BigInt(rounded) : rounded
}

/** Errors: BadValue. */
export function checkViewOn(viewOn: string | undefined): void {
  if (viewOn === '') throw new DatabaseError('BadValue', `'viewOn' cannot be empty`)
}
