/**
 * A lean load generator for the gRPC door. Runs in a process of its own and prints one JSON line.
 *
 *   node grpc-load.ts PORT KIND CONNECTIONS DEPTH SECONDS DOCUMENTS
 *
 * KIND: `unary`; `session`, a message for every command; `batches`, what is to be sent in one turn in one message.
 */
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js'
import { findOnePath, findOneRequest, sessionFrame, sessionPath } from './cases/grpc-frames.ts'

const [portText, kind, ...rest] = process.argv.slice(2)
const [connections, depth, seconds, documents] = rest.map(Number) as [number, number, number, number]
const same = (message: Buffer) => message
const frameCount = 512
let answered = 0
let counting = false
let replyBytes = 0
const clients = Array.from(
  { length: connections },
  () =>
    new Client(`127.0.0.1:${portText}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
    }),
)
const pick = (i: number) => (i * 48271) % documents

function runUnary(client: Client, lane: number): void {
  const requests = Array.from({ length: frameCount }, (_, i) => findOneRequest(pick(i)))
  let next = lane * 17
  const ask = () => {
    client.makeUnaryRequest(findOnePath, same, same, requests[next++ % frameCount]!, (error, reply) => {
      if (error !== null) throw error
      replyBytes = reply!.length
      if (counting) answered++
      ask()
    })
  }
  for (let i = 0; i < depth; i++) ask()
}

function runSession(client: Client, lane: number): void {
  const frames = Array.from({ length: depth }, (_, slot) =>
    Array.from({ length: frameCount }, (_, i) => sessionFrame(slot + 1, pick(i))),
  )
  let next = lane * 17
  const waiting: Buffer[] = []
  const call = client.makeBidiStreamRequest(sessionPath, same, same) as ClientDuplexStream<Buffer, Buffer>
  const ask = (id: number) => {
    const frame = frames[id - 1]![next++ % frameCount]!
    if (kind === 'session') call.write(frame)
    else if (waiting.push(frame) === 1) setImmediate(() => call.write(Buffer.concat(waiting.splice(0))))
  }
  call.on('data', (message: Buffer) => {
    for (let at = 0; at < message.length; ) {
      // Every reply's length takes two bytes, its id one.
      const length = (message[at + 1]! & 0x7f) | (message[at + 2]! << 7)
      const id = message[at + 4]!
      replyBytes = 3 + length
      at += replyBytes
      if (counting) answered++
      ask(id)
    }
  })
  for (let slot = 1; slot <= depth; slot++) ask(slot)
}

clients.forEach(kind === 'unary' ? runUnary : runSession)
setTimeout(() => {
  counting = true
  const begin = performance.now()
  setTimeout(() => {
    counting = false
    console.log(JSON.stringify({ perSecond: answered / ((performance.now() - begin) / 1000), replyBytes }))
    process.exit(0)
  }, seconds * 1000)
}, 1500)
