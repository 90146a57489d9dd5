/** gRPC messages for the load generator: made once, sent as they are. */
import { serialize } from 'bson'
import { idOf } from '../documents.ts'

export const findOnePath = '/lauradb.v1.DocumentService/FindOne'
export const sessionPath = '/lauradb.v1.CommandService/Session'

function field(number: number, content: Uint8Array): Buffer {
  if (content.length >= 1 << 14) throw new RangeError('too long for two bytes of length')
  const length = content.length < 128 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >> 7]
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), content])
}

export function findOneRequest(n: number): Buffer {
  return Buffer.concat([
    field(1, Buffer.from('bench')),
    field(2, Buffer.from('people')),
    field(3, serialize({ _id: idOf(n) })),
  ])
}

/** Where the id stands in a frame, whose length takes one byte, and in a reply, whose length takes two. */
export const idOffset = 3
export const replyIdOffset = 4

/** A SessionRequest with one command; several of them, end to end, are a SessionRequest, too. `id`: below 128. */
export function sessionFrame(id: number, n: number): Buffer {
  const body = serialize({ find: 'people', filter: { _id: idOf(n) }, limit: 1, singleBatch: true, $db: 'bench' })
  const command = Buffer.concat([Buffer.from([0x08, id]), field(2, body)])
  if (command.length >= 128) throw new RangeError('idOffset is for frames whose length takes one byte')
  return field(1, command)
}
