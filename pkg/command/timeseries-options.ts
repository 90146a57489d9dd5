/** The `timeseries` option of create and collMod: read and checked; the collections themselves are not there yet. */
import { DatabaseError } from '../base/errors.ts'
import { Fields, numberType, stringType } from './fields.ts'

const spanMaxSeconds = 31_536_000

const fields = new Fields('create.timeseries', {
  timeField: { type: stringType, required: true },
  metaField: { type: stringType },
  granularity: { type: stringType },
  bucketMaxSpanSeconds: { type: numberType, min: 1, max: spanMaxSeconds },
  bucketRoundingSeconds: { type: numberType, min: 1, max: spanMaxSeconds },
})

const granularities: ReadonlySet<string> = new Set(['seconds', 'minutes', 'hours'])

/** Throws what is wrong with the option's document. */
export function checkTimeseries(options: Uint8Array): void {
  const { at } = fields.read(options, 0)
  const timeField = fields.string(at.timeField)!
  const metaField = fields.string(at.metaField)
  checkFieldName('timeField', timeField)
  if (metaField !== undefined) {
    checkFieldName('metaField', metaField)
    if (metaField === '_id') throw new DatabaseError('InvalidOptions', `The 'metaField' cannot be "_id"`)
    if (metaField === timeField)
      throw new DatabaseError('InvalidOptions', `The 'metaField' cannot be the same as the 'timeField'`)
  }
  const granularity = fields.string(at.granularity)
  checkGranularity('create.timeseries.granularity', granularity)
  const span = fields.number(at.bucketMaxSpanSeconds)
  const rounding = fields.number(at.bucketRoundingSeconds)
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
export function checkGranularity(path: string, granularity: string | undefined): void {
  if (granularity !== undefined && !granularities.has(granularity))
    throw new DatabaseError('BadValue', `Enumeration value '${granularity}' for field '${path}' is not a valid value.`)
}

function checkFieldName(option: string, name: string): void {
  if (name.includes('\0')) throw new DatabaseError('BadValue', `The '${option}' cannot contain an embedded null byte`)
  if (name.includes('.')) throw new DatabaseError('InvalidOptions', `The '${option}' cannot contain a '.'`)
}
