/**
 * Cluster time: the greatest timestamp that anybody in the set has seen. Replies carry it with the time of the operation; clients
 * hand it on with their next command, to whichever member. A node that hears of a later time than its own goes on
 * from there, but only within a bound, so that one wrong clock cannot use up all times there are.
 */
import { DatabaseError } from '../base/errors.ts'
import { counterOf, secondsOf, type Timestamp, timestampMin } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { writeInt32 } from '../bson/little-endian.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { binaryValue, getField, readTimestamp, timestampValue } from '../bson/value.ts'
import type { BsonWriter } from '../bson/writer.ts'
import type { Engine } from '../engine/engine.ts'
import type { Instance } from './instance.ts'
import type { ReplicaSet } from './replica-set.ts'

/** `$clusterTime` and `operationTime` as elements; the signature is the one of a node without keys. */
const elements = buildDocument({
  $clusterTime: {
    clusterTime: timestampValue(timestampMin),
    signature: { hash: binaryValue(new Uint8Array(20)), keyId: 0n },
  },
  operationTime: timestampValue(timestampMin),
}).subarray(4, -1)
const clusterTimeAt = 1 + '$clusterTime'.length + 1 + 4 + 1 + 'clusterTime'.length + 1
const operationTimeAt = elements.length - 8

/** Writes both times; `after`: a time that the operation waited for. */
export function writeClusterTime(
  writer: BsonWriter,
  engine: Engine,
  set: ReplicaSet,
  after: Timestamp | undefined,
): void {
  const at = writer.length
  writer.raw(elements, 0, elements.length)
  const last = set.lastPosition(engine.lastTimestamp)
  writeTimestamp(writer.bytes, at + clusterTimeAt, engine.clusterTime)
  writeTimestamp(writer.bytes, at + operationTimeAt, after !== undefined && after > last ? after : last)
}

function writeTimestamp(bytes: Uint8Array, at: number, timestamp: Timestamp): void {
  writeInt32(bytes, at, counterOf(timestamp))
  writeInt32(bytes, at + 4, secondsOf(timestamp))
}

/** Takes in the `$clusterTime` document at `start` of a command. Errors: ClusterTimeFailsRateLimiter. */
export function learnClusterTime(instance: Instance, bytes: Uint8Array, start: number): void {
  const time = getField(bytes, 'clusterTime', start)
  if (time === undefined) throw new DatabaseError('NoSuchKey', 'Missing expected field "clusterTime"')
  if (time.type !== bsonType.timestamp)
    throw new DatabaseError(
      'TypeMismatch',
      `"clusterTime" had the wrong type. Expected timestamp, found ${typeAlias(time.type)}`,
    )
  const told = readTimestamp(time.bytes, time.start)
  if (told <= instance.engine.clusterTime) return
  const wallSeconds = instance.nowSeconds()
  if (secondsOf(told) > wallSeconds + instance.parameters.maxAcceptableLogicalClockDriftSecs)
    throw new DatabaseError(
      'ClusterTimeFailsRateLimiter',
      `New cluster time, ${secondsOf(told)}, is too far from this node's wall clock time, ${wallSeconds}.`,
    )
  instance.engine.observeTime(told)
}
