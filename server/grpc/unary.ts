/** Answers unary calls: request message to command, reply to response message. */
import type { handleUnaryCall } from '@grpc/grpc-js'
import type protobuf from 'protobufjs'
import { DatabaseError } from '../../pkg/base/errors.ts'
import type { CommandMessage } from '../../pkg/command/dispatch.ts'
import { type CallHost, CallInProgress, failureOfThrown } from './call.ts'
import { timeLeft } from './command-writer.ts'
import type { UnaryMethod } from './method.ts'
import type { SchemaMethod } from './schema.ts'
import { failureOf, failureOfReply, isFailure } from './status.ts'

const noSequences: ReadonlyMap<string, readonly Uint8Array[]> = new Map()

/** The handler of a method, for @grpc/grpc-js. It never throws. */
export function unaryHandler(
  host: CallHost,
  schema: SchemaMethod,
  method: UnaryMethod,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    try {
      const quick = method.quick?.(call.request, host.database)
      if (quick !== undefined) {
        callback(null, quick)
        return
      }
      const request = decodeRequest(schema.request, call.request)
      const built = method.command(request as never, timeLeft(call.getDeadline(), Date.now()), host.database)
      const message = built instanceof Uint8Array ? messageOf(built) : built
      const progress = new CallInProgress(host, call)
      progress.context.drop = () => callback(failureOf(dropped()))
      const reply = progress.run(message)
      if (!(reply instanceof Promise)) {
        answer(reply)
        return
      }
      reply.then(answer).catch((error: unknown) => callback(failureOfThrown(host, error)))

      function answer(document: Uint8Array): void {
        progress.close()
        const failure = isFailure(document) ? failureOfReply(document) : method.failure?.(document)
        if (failure !== undefined) callback(failure)
        else callback(null, encodeResponse(schema.response, method.response(document, message, host.database)))
      }
    } catch (error) {
      callback(failureOfThrown(host, error))
    }
  }
}

export function messageOf(body: Uint8Array): CommandMessage {
  return { body, sequences: noSequences, replyExpected: true }
}

/** Errors: FailedToParse, when the bytes are no such message. */
export function decodeRequest(type: protobuf.Type, bytes: Buffer): unknown {
  try {
    return type.decode(bytes)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DatabaseError('FailedToParse', `not a valid ${type.fullName.slice(1)}: ${why}`)
  }
}

function encodeResponse(type: protobuf.Type, fields: object): Buffer {
  return type.encode(fields).finish() as Buffer
}

function dropped(): DatabaseError {
  return new DatabaseError('HostUnreachable', 'the connection was closed')
}
