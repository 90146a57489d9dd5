import { DatabaseError } from '../../base/errors.ts'
import { documentSizeMax, messageSizeMax, writeBatchMax } from '../../base/limits.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, readString } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { type Definition, defineCommand } from '../definition.ts'
import { anyType, arrayType, booleanType, commandFields, numberType, objectType, stringType } from '../fields.ts'
import type { Operation } from '../instance.ts'
import { sessionTimeoutMinutes } from '../session.ts'
import { maxWireVersion, minWireVersion } from '../version.ts'

interface HelloRequest {
  readonly client: Uint8Array | undefined
  readonly compression: readonly string[] | undefined
  readonly helloOk: boolean
}

interface HelloResult {
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

function greet(operation: Operation, request: HelloRequest): HelloResult {
  const { context } = operation
  if (request.client !== undefined) context.introduce(request.client)
  context.greeted = true
  if (request.compression !== undefined && request.compression.length > 0)
    context.agreeOnCompressors(request.compression)
  return {
    localTimeMs: operation.instance.world.clock.nowMs(),
    connectionId: context.connectionId,
    compression: request.compression,
    helloOk: request.helloOk,
  }
}

function writeGreeting(result: HelloResult, writer: BsonWriter, primaryField: string): void {
  if (result.helloOk) writer.boolean('helloOk', true)
  writer.boolean(primaryField, true)
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
