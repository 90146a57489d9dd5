/** The services as the .proto files define them. */
import { join } from 'node:path'
import type { MethodDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** Beside the sources, and beside what is built of them. */
export const protoFolder = join(import.meta.dirname, '..', '..', 'proto')

export const protoFiles = [
  'lauradb/v1/document_service.proto',
  'lauradb/v1/catalog_service.proto',
  'lauradb/v1/command_service.proto',
] as const

export function loadSchema(): protobuf.Root {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => join(protoFolder, target)
  root.loadSync([...protoFiles])
  root.resolveAll()
  return root
}

/** Messages go as bytes through @grpc/grpc-js, so that a request that is none is answered like every other error. */
export type BytesMethod = MethodDefinition<Buffer, Buffer>

export interface SchemaMethod {
  readonly definition: BytesMethod
  readonly request: protobuf.Type
  readonly response: protobuf.Type
}

/** The methods of a service by their names. */
export function methodsOf(schema: protobuf.Root, serviceName: string): ReadonlyMap<string, SchemaMethod> {
  const service = schema.lookupService(serviceName)
  return new Map(
    service.methodsArray.map((method) => [
      method.name,
      {
        definition: {
          path: `/${serviceName}/${method.name}`,
          requestStream: method.requestStream === true,
          responseStream: method.responseStream === true,
          requestSerialize: asBytes,
          requestDeserialize: asBytes,
          responseSerialize: asBytes,
          responseDeserialize: asBytes,
        },
        request: schema.lookupType(`lauradb.v1.${method.requestType}`),
        response: schema.lookupType(`lauradb.v1.${method.responseType}`),
      },
    ]),
  )
}

function asBytes(message: Buffer): Buffer {
  return message
}
