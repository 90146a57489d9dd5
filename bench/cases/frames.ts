/** Raw wire messages for the load generator: made once, sent as they are. */
import { serialize } from 'bson'
import { idOf } from '../documents.ts'

/** An OP_MSG with one body section. */
export function opMsg(requestId: number, body: Record<string, unknown>): Buffer {
  const document = serialize(body)
  const frame = Buffer.alloc(21 + document.length)
  frame.writeInt32LE(frame.length, 0)
  frame.writeInt32LE(requestId, 4)
  frame.writeInt32LE(2013, 12)
  frame.set(document, 21)
  return frame
}

export function findOneFrame(n: number): Buffer {
  return opMsg(n, { find: 'people', filter: { _id: idOf(n) }, limit: 1, singleBatch: true, $db: 'bench' })
}
