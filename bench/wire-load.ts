/**
 * A lean load generator: raw frames over several connections, each with a fixed number of requests in flight. Runs in a process of
 * its own and prints one JSON line.
 *
 *   node wire-load.ts PORT CONNECTIONS DEPTH SECONDS DOCUMENTS
 */
import { connect } from 'node:net'
import { findOneFrame } from './cases/frames.ts'

const [port, connections, depth, seconds, documents] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number,
]
const frames = Array.from({ length: 4096 }, (_, i) => findOneFrame((i * 48271) % documents))
let answered = 0
let counting = false
let replyBytes = 0
const sockets = Array.from({ length: connections }, (_, lane) => {
  let next = lane * 17
  let pending: Buffer = Buffer.alloc(0)
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
    for (let i = 0; i < depth; i++) socket.write(frames[next++ % frames.length]!)
  })
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    let at = 0
    while (pending.length - at >= 4) {
      const length = pending.readInt32LE(at)
      if (pending.length - at < length) break
      at += length
      replyBytes = length
      if (counting) answered++
      socket.write(frames[next++ % frames.length]!)
    }
    pending = at === pending.length ? Buffer.alloc(0) : pending.subarray(at)
  })
  return socket
})
setTimeout(() => {
  counting = true
  const begin = performance.now()
  setTimeout(() => {
    counting = false
    console.log(JSON.stringify({ perSecond: answered / ((performance.now() - begin) / 1000), replyBytes }))
    for (const socket of sockets) socket.destroy()
  }, seconds * 1000)
}, 500)
