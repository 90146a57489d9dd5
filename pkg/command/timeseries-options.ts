/** The `timeseries` option of create, collMod and `$out`: read, checked and brought to the form that is kept and shown. */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { documentFields, getField, numberOf, readString } from '../bson/value.ts'
import { Fields, numberType, stringType } from './fields.ts'

const spanMaxSeconds = 31_536_000

const fields = new Fields('create.timeseries', {
  timeField: { type: stringType, required: true },
  metaField: { type: stringType },
  granularity: { type: stringType },
  bucketMaxSpanSeconds: { type: numberType, min: 1, max: spanMaxSeconds },
  bucketRoundingSeconds: { type: numberType, min: 1, max: spanMaxSeconds },
})

/** How long a bucket may span, as MongoDB derives it from the granularity. In this order they only grow. */
const spanSeconds: ReadonlyMap<string, number> = new Map([
  ['seconds', 3600],
  ['minutes', 86_400],
  ['hours', 2_592_000],
])

/**
 * The option's document as it is kept. `lenient`: `$out` does not mind a metaField that is `_id` or the timeField.
 * Errors: InvalidOptions, BadValue, TypeMismatch, 40414 without a timeField.
 */
export function timeseriesOption(option: Uint8Array, lenient = false): Uint8Array {
  const { at } = fields.read(option, 0)
  const timeField = fields.string(at.timeField)!
  const metaField = fields.string(at.metaField)
  checkFieldName('timeField', timeField)
  if (metaField !== undefined) {
    checkFieldName('metaField', metaField)
    if (metaField === '_id' && !lenient) throw new DatabaseError('InvalidOptions', `The 'metaField' cannot be "_id"`)
    if (metaField === timeField && !lenient)
      throw new DatabaseError('InvalidOptions', `The 'metaField' cannot be the same as the 'timeField'`)
  }
  const granularity = fields.string(at.granularity)
  checkGranularity('create.timeseries.granularity', granularity)
  const span = spanBesides(granularity, fields.number(at.bucketMaxSpanSeconds))
  const rounding = fields.number(at.bucketRoundingSeconds)
  checkBucketing(granularity, span, rounding)
  return buildDocument({ timeField, metaField, ...bucketing(granularity, span) })
}

/** `granularity` and the span it implies, or the two that a span given by itself stands for. */
function bucketing(granularity: string | undefined, span: number | undefined): Record<string, unknown> {
  if (span !== undefined) return { bucketRoundingSeconds: span, bucketMaxSpanSeconds: span }
  const shown = granularity ?? 'seconds'
  return { granularity: shown, bucketMaxSpanSeconds: spanSeconds.get(shown) }
}

/** The span that is given, unless it is the one of the granularity: listCollections shows both, and what it shows can be given back. */
function spanBesides(granularity: string | undefined, span: number | undefined): number | undefined {
  return granularity !== undefined && span === spanSeconds.get(granularity) ? undefined : span
}

function checkBucketing(granularity: string | undefined, span: number | undefined, rounding: number | undefined): void {
  if ((span !== undefined || rounding !== undefined) && granularity !== undefined)
    throw new DatabaseError(
      'InvalidOptions',
      `Timeseries 'granularity' cannot be given together with 'bucketMaxSpanSeconds' or 'bucketRoundingSeconds'`,
    )
  if (span !== rounding)
    throw new DatabaseError(
      'InvalidOptions',
      `Timeseries 'bucketMaxSpanSeconds' and 'bucketRoundingSeconds' must both be given and be equal`,
    )
}

/** Errors: BadValue unless it is seconds, minutes or hours. */
function checkGranularity(path: string, granularity: string | undefined): void {
  if (granularity !== undefined && !spanSeconds.has(granularity))
    throw new DatabaseError('BadValue', `Enumeration value '${granularity}' for field '${path}' is not a valid value.`)
}

function checkFieldName(option: string, name: string): void {
  if (name.includes('\0')) throw new DatabaseError('BadValue', `The '${option}' cannot contain an embedded null byte`)
  if (name.includes('.')) throw new DatabaseError('InvalidOptions', `The '${option}' cannot contain a '.'`)
}

/** What collMod asks for. */
export interface TimeseriesChange {
  readonly granularity: string | undefined
  readonly spanSeconds: number | undefined
}

const changeFields = new Fields('collMod.timeseries', {
  granularity: { type: stringType },
  bucketMaxSpanSeconds: { type: numberType, min: 1, max: spanMaxSeconds },
  bucketRoundingSeconds: { type: numberType, min: 1, max: spanMaxSeconds },
})

/** Errors: InvalidOptions, BadValue, TypeMismatch. */
export function timeseriesChange(option: Uint8Array): TimeseriesChange {
  const { at } = changeFields.read(option, 0)
  const granularity = changeFields.string(at.granularity)
  checkGranularity('collMod.timeseries.granularity', granularity)
  const span = spanBesides(granularity, changeFields.number(at.bucketMaxSpanSeconds))
  checkBucketing(granularity, span, changeFields.number(at.bucketRoundingSeconds))
  return { granularity, spanSeconds: span }
}

/** `kept`, an option's document, with the change made. Errors: InvalidOptions when the span would shrink. */
export function changedTimeseries(kept: Uint8Array, change: TimeseriesChange): Uint8Array {
  if (change.granularity === undefined && change.spanSeconds === undefined) return kept
  const before = numberOf(getField(kept, 'bucketMaxSpanSeconds')!)
  const after = change.spanSeconds ?? spanSeconds.get(change.granularity!)!
  if (after < before)
    throw new DatabaseError(
      'InvalidOptions',
      'Invalid transition for timeseries.granularity. Can only transition to a coarser bucketing.',
    )
  const names: Record<string, unknown> = {}
  for (const field of documentFields(kept))
    if (field.name === 'timeField' || field.name === 'metaField')
      names[field.name] = readString(field.bytes, field.start)
  return buildDocument({ ...names, ...bucketing(change.granularity, change.spanSeconds) })
}
