import { DatabaseError } from '../../base/errors.ts'
import { rawDocument, writeField } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentOf, numberOf, readString, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { compileFilter } from '../../query/filter/compile.ts'
import { parseFilter } from '../../query/filter/parse.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { makeProfile, type ProfileFilter, type ProfileSetting } from '../profiler.ts'

const fields = commandFields('profile', {
  profile: { type: numberType, required: true },
  slowms: { type: numberType },
  sampleRate: { type: numberType },
  filter: { type: anyType },
})

interface Request {
  /** Anything but 0, 1 and 2 only asks. */
  readonly level: number
  readonly slowMs: number | undefined
  readonly sampleRate: number | undefined
  /** undefined: as it is; 'unset': none any more. */
  readonly filter: ProfileFilter | 'unset' | undefined
}

interface Result extends ProfileSetting {
  readonly slowMs: number
  readonly sampleRate: number
}

/** Asks for, and sets, what the profiler keeps of a database's operations. */
export const profile = defineCommand({
  name: 'profile',
  help: 'which operations of the database are kept in system.profile',
  kind: 'commands',
  fields,
  parse: (): Request => {
    const at = fields.at
    const sampleRate = fields.has(at.sampleRate) ? numberOf(fields.value(at.sampleRate)!) : undefined
    if (sampleRate !== undefined && !(sampleRate >= 0 && sampleRate <= 1))
      throw new DatabaseError('BadValue', `'sampleRate' must be between 0.0 and 1.0 inclusive`)
    return {
      level: fields.number(at.profile)!,
      slowMs: fields.number(at.slowms),
      sampleRate,
      filter: filterOf(fields.value(at.filter)),
    }
  },
  run: (operation: Operation, request: Request): Result => {
    const { profiler } = operation.instance
    const was = {
      ...profiler.setting(operation.databaseName),
      slowMs: profiler.slowMs,
      sampleRate: profiler.sampleRate,
    }
    const { level } = request
    if (level === 1 || level === 2) makeProfile(operation.instance.engine, operation.databaseName)
    if (request.slowMs !== undefined) profiler.slowMs = request.slowMs
    if (request.sampleRate !== undefined) profiler.sampleRate = request.sampleRate
    const filter = request.filter === 'unset' ? undefined : (request.filter ?? was.filter)
    profiler.set(operation.databaseName, {
      level: level === 0 || level === 1 || level === 2 ? level : was.level,
      filter,
    })
    return was
  },
  reply: (was: Result, writer: BsonWriter) => {
    writer.int32('was', was.level)
    writer.int32('slowms', was.slowMs)
    writer.double('sampleRate', was.sampleRate)
    if (was.filter !== undefined) {
      writeField(writer, 'filter', rawDocument(was.filter.document))
      writer.string(
        'note',
        'When a filter expression is set, slowms and sampleRate are not used for profiling and slow-query log lines.',
      )
    }
  },
})

function filterOf(value: Value | undefined): ProfileFilter | 'unset' | undefined {
  if (value === undefined) return undefined
  if (value.type === bsonType.string) {
    if (readString(value.bytes, value.start) === 'unset') return 'unset'
    throw new DatabaseError('BadValue', `'filter' must be an object or the string 'unset'`)
  }
  if (value.type !== bsonType.document)
    throw new DatabaseError(
      'BadValue',
      `BSON field 'profile.filter' is the wrong type '${typeAlias(value.type)}', expected types '[string, object]'`,
    )
  const document = documentOf(value).slice()
  return { document, matches: compileFilter(parseFilter(document)) }
}
