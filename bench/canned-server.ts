/**
 * The limit of a driver: a server that keeps no data and answers what a transfer asks at once, in replies of the fields and sizes that
 * LauraDB's have.
 *
 *   node canned-server.ts        prints its port
 */
import { createServer } from 'node:net'
import { Binary, deserialize, Long, ObjectId, serialize, Timestamp } from 'bson'

const now = new Timestamp({ t: Math.floor(Date.now() / 1000), i: 1 })
const clusterFields = {
  $clusterTime: {
    clusterTime: now,
    signature: { hash: new Binary(new Uint8Array(20)), keyId: Long.ZERO },
  },
  operationTime: now,
}

function answerTo(command: Record<string, unknown>, port: number): Record<string, unknown> {
  const [name] = Object.keys(command)
  switch (name) {
    case 'hello':
    case 'ismaster':
    case 'isMaster':
      return helloOf(`127.0.0.1:${port}`)
    case 'find': {
      const account = { _id: (command['filter'] as { _id?: unknown })._id, balance: 1000 }
      return { cursor: { firstBatch: [account], id: Long.ZERO, ns: 'bank.accounts' } }
    }
    case 'update':
      return { n: 1, nModified: 1 }
    default:
      return {}
  }
}

/** No topologyVersion: the driver would ask for the next one at once, over and over. */
function helloOf(address: string): Record<string, unknown> {
  return {
    helloOk: true,
    isWritablePrimary: true,
    setName: 'canned',
    setVersion: 1,
    primary: address,
    hosts: [address],
    me: address,
    electionId: new ObjectId(),
    maxBsonObjectSize: 16 * 1024 * 1024,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: 30,
    connectionId: 1,
    minWireVersion: 0,
    maxWireVersion: 27,
    readOnly: false,
  }
}

/** `frame`: an OP_MSG, or the OP_QUERY with which drivers begin. */
function replyTo(frame: Buffer, port: number): Buffer {
  const isMessage = frame.readInt32LE(12) === opMsg
  const start = isMessage ? 21 : frame.indexOf(0, 20) + 9
  const command = deserialize(frame.subarray(start, start + frame.readInt32LE(start)))
  const document = serialize({ ...answerTo(command, port), ok: 1, ...clusterFields })
  const head = Buffer.alloc(isMessage ? 21 : 36)
  head.writeInt32LE(head.length + document.length, 0)
  head.writeInt32LE(frame.readInt32LE(4), 8)
  head.writeInt32LE(isMessage ? opMsg : opReply, 12)
  if (!isMessage) head.writeInt32LE(1, 32)
  return Buffer.concat([head, document])
}

const opMsg = 2013
const opReply = 1

const server = createServer({ noDelay: true }, (socket) => {
  let pending: Buffer = Buffer.alloc(0)
  const port = socket.localPort!
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
      const length = pending.readInt32LE(0)
      socket.write(replyTo(pending.subarray(0, length), port))
      pending = pending.subarray(length)
    }
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) console.log(address.port)
})
