/** `{$changeStream: {...}}`: what happens from now on, or from some moment of the past; and what splits events that are too large. */
import { AssertionError } from '../../base/assert.ts'
import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentOf, readString, readTimestamp, type Value } from '../../bson/value.ts'
import type { ChangeStreamRequest } from '../host.ts'
import type { StageDefinition } from '../stage.ts'

type Growing = { -readonly [Key in keyof ChangeStreamRequest]: ChangeStreamRequest[Key] }

const images = ['default', 'updateLookup', 'whenAvailable', 'required'] as const
const imagesBefore = ['off', 'whenAvailable', 'required'] as const

/** Options that say something only between the nodes of a cluster. */
const ignoredFlags: ReadonlySet<string> = new Set([
  'allowToRunOnConfigDB',
  'allowToRunOnSystemNS',
  'matchCollectionUUIDForUpdateLookup',
  'showCommitTimestamp',
  'showMigrationEvents',
  'showRawUpdateDescription',
])

/** Options that may be said to have no value. */
const nullable: ReadonlySet<string> = new Set([
  'fullDocument',
  'fullDocumentBeforeChange',
  'resumeAfter',
  'startAfter',
  'startAtOperationTime',
])

export const changeStream: StageDefinition = {
  name: '$changeStream',
  first: true,
  collectionless: 'either',
  refusedIn: { facet: 40600, lookup: 51047, graphLookup: 51047, unionWith: 31441, view: 167 },
  parse(operand) {
    if (operand.type !== bsonType.document)
      throw new DatabaseError(6188500, '$changeStream must take a nested object but found: ' + typeAlias(operand.type))
    return { name: '$changeStream', isSource: true, changeStream: requestOf(operand), open: opensElsewhere }
  },
}

export const changeStreamSplitLargeEvent: StageDefinition = {
  name: '$changeStreamSplitLargeEvent',
  parse(operand) {
    if (operand.type !== bsonType.document || operand.end - operand.start > 5)
      throw new DatabaseError(7182800, '$changeStreamSplitLargeEvent spec should be an empty object')
    return { name: '$changeStreamSplitLargeEvent', splitsEvents: true, open: opensElsewhere }
  },
}

function opensElsewhere(): never {
  throw new AssertionError('whoever runs the pipeline brings the events of a change stream')
}

/** Errors: UnknownField, TypeMismatch, BadValue for a word that is none, 40674 and 50865 for more than one place to begin at. */
function requestOf(operand: Value): ChangeStreamRequest {
  const request: Growing = {
    resumeAfter: undefined,
    startAfter: undefined,
    startAtOperationTime: undefined,
    fullDocument: 'default',
    fullDocumentBeforeChange: 'off',
    allChangesForCluster: false,
    showExpandedEvents: false,
    showSystemEvents: false,
  }
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (field.type === bsonType.null && nullable.has(field.name)) continue
    switch (field.name) {
      case 'resumeAfter':
      case 'startAfter':
        request[field.name] = documentOf(expect(field.name, field, bsonType.document, 'object')).slice()
        break
      case 'startAtOperationTime':
        expect(field.name, field, bsonType.timestamp, 'timestamp')
        request.startAtOperationTime = readTimestamp(field.bytes, field.start)
        break
      case 'fullDocument':
        request.fullDocument = wordOf(field.name, field, images)
        break
      case 'fullDocumentBeforeChange':
        request.fullDocumentBeforeChange = wordOf(field.name, field, imagesBefore)
        break
      case 'allChangesForCluster':
      case 'showExpandedEvents':
      case 'showSystemEvents':
        request[field.name] = flagOf(field.name, field)
        break
      default:
        if (!ignoredFlags.has(field.name))
          throw new DatabaseError('UnknownField', `BSON field '$changeStream.${field.name}' is an unknown field.`)
        flagOf(field.name, field)
    }
  }
  const { resumeAfter, startAfter, startAtOperationTime } = request
  if (resumeAfter !== undefined && startAfter !== undefined)
    throw new DatabaseError(50865, "Do not specify both 'resumeAfter' and 'startAfter' in a $changeStream stage")
  if (startAtOperationTime !== undefined && (resumeAfter !== undefined || startAfter !== undefined))
    throw new DatabaseError(40674, 'Only one type of resume option is allowed, but multiple were found.')
  return request
}

function expect(name: string, value: Value, type: number, expected: string): Value {
  if (value.type !== type)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '$changeStream.${name}' is the wrong type '${typeAlias(value.type)}', expected type '${expected}'`,
    )
  return value
}

function flagOf(name: string, value: Value): boolean {
  expect(name, value, bsonType.boolean, 'bool')
  return value.bytes[value.start] !== 0
}

function wordOf<Word extends string>(name: string, value: Value, words: readonly Word[]): Word {
  expect(name, value, bsonType.string, 'string')
  const text = readString(value.bytes, value.start)
  const found = words.find((word) => word === text)
  if (found === undefined)
    throw new DatabaseError(
      'BadValue',
      `Enumeration value '${text}' for field '$changeStream.${name}' is not a valid value.`,
    )
  return found
}
