import { DatabaseError } from '../../base/errors.ts'
import { documentSizeMax, messageSizeMax, writeBatchMax } from '../../base/limits.ts'
import { writeField, writeFields } from '../../bson/build.ts'
import { compareBytes } from '../../bson/bytes.ts'
import { readInt64 } from '../../bson/little-endian.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, objectIdValue, readString } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { ConnectionContext } from '../context.ts'
import { type Definition, defineCommand } from '../definition.ts'
import {
  anyType,
  arrayType,
  booleanType,
  commandFields,
  Fields,
  int64Type,
  numberType,
  objectIdType,
  objectType,
  stringType,
} from '../fields.ts'
import type { Instance } from '../instance.ts'
import type { Operation } from '../operation.ts'
import { configurationVersion, opTime, opTimeDate, type ReplicaSet } from '../replica-set.ts'
import { sessionTimeoutMinutes } from '../session.ts'
import { maxWireVersion, minWireVersion } from '../version.ts'

interface HelloRequest {
  readonly client: Uint8Array | undefined
  readonly compression: readonly string[] | undefined
  readonly helloOk: boolean
  /** The `topologyVersion` that the client knows already, and how long it waits for another one. */
  readonly await: { readonly processId: Uint8Array; readonly counter: bigint; readonly ms: number } | undefined
}

interface HelloResult {
  readonly operation: Operation
  readonly localTimeMs: number
  readonly connectionId: number
  readonly compression: readonly string[] | undefined
  readonly helloOk: boolean
}

const knownCompressors: ReadonlySet<string> = new Set(['snappy', 'zstd', 'zlib'])

const own = {
  client: { type: objectType },
  compression: { type: arrayType },
  helloOk: { type: booleanType },
  hostInfo: { type: anyType },
  internalClient: { type: objectType },
  loadBalanced: { type: booleanType },
  maxAwaitTimeMS: { type: numberType, min: 0 },
  saslSupportedMechs: { type: anyType },
  speculativeAuthenticate: { type: objectType },
  topologyVersion: { type: objectType },
  forShell: { type: anyType },
  appName: { type: stringType },
} as const

const topologyFields = new Fields('hello.topologyVersion', {
  processId: { type: objectIdType, required: true },
  counter: { type: int64Type, required: true },
})

/** Drivers newer than this server may say more of themselves: unknown fields are passed over. */
const lenient = { strict: false } as const
const helloFields = commandFields('hello', { hello: { type: anyType }, ...own }, lenient)
const isMasterFields = commandFields(
  'isMaster',
  { isMaster: { type: anyType }, ismaster: { type: anyType }, ...own },
  lenient,
)

function parseFrom(fields: typeof helloFields | typeof isMasterFields): HelloRequest {
  const at = fields.at
  return {
    client: fields.document(at.client)?.slice(),
    compression: compressorsIn(fields.document(at.compression)),
    helloOk: fields.boolean(at.helloOk),
    await: awaited(fields.document(at.topologyVersion), fields.number(at.maxAwaitTimeMS)),
  }
}

/** Both fields or none: a client that names a topology waits for another one. */
function awaited(topology: Uint8Array | undefined, ms: number | undefined): HelloRequest['await'] {
  if (topology === undefined) {
    if (ms !== undefined)
      throw new DatabaseError(31368, `A request with a 'topologyVersion' must include 'maxAwaitTimeMS'`)
    return undefined
  }
  const read = topologyFields.read(topology, 0)
  const counter = read.value(read.at.counter)!
  if (ms === undefined)
    throw new DatabaseError(31368, `A request with a 'topologyVersion' must include 'maxAwaitTimeMS'`)
  const known = { processId: read.value(read.at.processId)!, counter: readInt64(counter.bytes, counter.start) }
  if (known.counter < 0n)
    throw new DatabaseError(31372, `topologyVersion must have a non-negative counter value, but got ${known.counter}`)
  return {
    processId: known.processId.bytes.slice(known.processId.start, known.processId.end),
    counter: known.counter,
    ms,
  }
}

function compressorsIn(list: Uint8Array | undefined): readonly string[] | undefined {
  if (list === undefined) return undefined
  const names: string[] = []
  for (const element of documentFields(list)) {
    if (element.type !== bsonType.string)
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'compression.${element.name}' is the wrong type, expected type 'string'`,
      )
    const name = readString(element.bytes, element.start)
    if (knownCompressors.has(name) && !names.includes(name)) names.push(name)
  }
  return names
}

function greet(operation: Operation, request: HelloRequest): HelloResult | Promise<HelloResult> {
  const { context } = operation
  if (request.client !== undefined) context.introduce(request.client)
  context.greeted = true
  if (request.compression !== undefined && request.compression.length > 0)
    context.agreeOnCompressors(request.compression)
  const greeting = (): HelloResult => ({
    operation,
    localTimeMs: operation.instance.world.clock.nowMs(),
    connectionId: context.connectionId,
    compression: request.compression,
    helloOk: request.helloOk,
  })
  const known = request.await
  if (known === undefined || !isCurrent(operation.instance, known)) return greeting()
  const { clock } = operation.instance.world
  const beginMs = clock.monotonicMs()
  return quiet(operation, known.ms).then(() => {
    operation.waitedMs = clock.monotonicMs() - beginMs
    return greeting()
  })
}

/** Errors: a counter beyond ours in the same process is a defect of the client. */
function isCurrent({ processId, topologyCounter }: Instance, known: NonNullable<HelloRequest['await']>): boolean {
  if (compareBytes(known.processId, 0, 12, processId, 0, 12) !== 0) return false
  if (known.counter > BigInt(topologyCounter))
    throw new DatabaseError(
      31382,
      `Received a topology version with counter: ${known.counter} which is greater than the server topology version counter: ${topologyCounter}`,
    )
  return known.counter === BigInt(topologyCounter)
}

/** What a single node is does not change: until the time is over, or the operation is interrupted. */
function quiet(operation: Operation, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = operation.instance.world.clock.setTimer(ms, resolve)
    operation.whenKilled(() => {
      timer.cancel()
      try {
        operation.check()
        resolve()
      } catch (reason) {
        reject(reason as DatabaseError)
      }
    })
  })
}

function writeGreeting(result: HelloResult, writer: BsonWriter, primaryField: string): void {
  const { instance, context } = result.operation
  if (result.helloOk) writer.boolean('helloOk', true)
  const topologyVersion = {
    processId: objectIdValue(instance.processId),
    counter: BigInt(instance.topologyCounter),
  }
  if (instance.replicaSet === undefined) writer.boolean(primaryField, true)
  else writeFields(writer, memberFields(instance, instance.replicaSet, context, primaryField))
  writeField(writer, 'topologyVersion', topologyVersion)
  writer.int32('maxBsonObjectSize', documentSizeMax)
  writer.int32('maxMessageSizeBytes', messageSizeMax)
  writer.int32('maxWriteBatchSize', writeBatchMax)
  writer.date('localTime', result.localTimeMs)
  writer.int32('logicalSessionTimeoutMinutes', sessionTimeoutMinutes)
  writer.int32('connectionId', result.connectionId)
  writer.int32('minWireVersion', minWireVersion)
  writer.int32('maxWireVersion', maxWireVersion)
  writer.boolean('readOnly', false)
  if (result.compression !== undefined && result.compression.length > 0) {
    writer.beginArray('compression')
    for (let i = 0; i < result.compression.length; i++) writer.string(String(i), result.compression[i]!)
    writer.end()
  }
}

/** What the member of a replica set says of the set and of itself. */
export function memberFields(
  { engine }: Instance,
  set: ReplicaSet,
  context: ConnectionContext,
  primaryField: string,
): Record<string, unknown> {
  const member = set.memberFor(context)
  const last = set.lastPosition(engine.lastTimestamp)
  return {
    hosts: [member],
    setName: set.name,
    setVersion: configurationVersion,
    [primaryField]: true,
    secondary: false,
    primary: member,
    me: member,
    electionId: set.electionId,
    lastWrite: {
      opTime: opTime(last),
      lastWriteDate: opTimeDate(last),
      majorityOpTime: opTime(last),
      majorityWriteDate: opTimeDate(last),
    },
  }
}

/** The handshake: what the server is and can do; keeps what the client says of itself. */
export const hello: Definition<HelloRequest, HelloResult> = defineCommand({
  name: 'hello',
  help: 'what the server is and can do; the first command of a connection',
  kind: 'commands',
  stable: true,
  fields: helloFields,
  parse: () => parseFrom(helloFields),
  run: greet,
  reply: (result: HelloResult, writer: BsonWriter) => writeGreeting(result, writer, 'isWritablePrimary'),
})

/** `hello` as clients before wire version 9 call it. */
export const isMaster: Definition<HelloRequest, HelloResult> = defineCommand({
  name: 'isMaster',
  aliases: ['ismaster'],
  help: 'the older name of hello',
  kind: 'commands',
  fields: isMasterFields,
  parse: () => parseFrom(isMasterFields),
  run: greet,
  reply: (result: HelloResult, writer: BsonWriter) => writeGreeting(result, writer, 'ismaster'),
})
