/**
 * A hello whose sender allows the reply to be followed by others ("exhaust") and names the topology it knows: the server
 * answers, says that more is to come, and runs the same command again with the topology of its last answer. So a driver's
 * monitor hears of a change at once, and of silence every `maxAwaitTimeMS`.
 */
import { documentFields, getField } from '../../pkg/bson/value.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'
import type { CommandMessage } from '../../pkg/command/dispatch.ts'
import { headerLength, messageFlag, readUint32 } from './protocol.ts'

const helloNames: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster'])

/** Whether the OP_MSG at `start` of `bytes`, parsed into `message`, is such a hello. */
export function asksForStream(bytes: Uint8Array, start: number, message: CommandMessage): boolean {
  if ((readUint32(bytes, start + headerLength) & messageFlag.exhaustAllowed) === 0) return false
  if (!message.replyExpected || getField(message.body, 'topologyVersion') === undefined) return false
  for (const { name } of documentFields(message.body)) return helloNames.has(name)
  return false
}

/** The message for as long as it is needed; its bytes came in a buffer that is used again. */
export function ownCopy(message: CommandMessage): CommandMessage {
  return { ...message, body: message.body.slice() }
}

/** The hello that follows `reply`; undefined when the reply ends the stream, because it is an error. */
export function nextOfStream(hello: CommandMessage, reply: Uint8Array): CommandMessage | undefined {
  const topology = getField(reply, 'topologyVersion')
  if (topology === undefined) return undefined
  const writer = new BsonWriter(hello.body.length)
  writer.beginDocument()
  for (const field of documentFields(hello.body)) {
    writer.value(field.name, field.name === 'topologyVersion' ? topology : field)
  }
  writer.end()
  return { ...hello, body: writer.finish() }
}
