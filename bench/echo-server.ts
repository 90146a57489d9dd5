/**
 * The limit for a server in this language: a bare TCP server that answers every frame with a fixed number of bytes.
 *
 *   node echo-server.ts REPLY_BYTES        prints its port
 */
import { createServer } from 'node:net'

const replyBytes = Number(process.argv[2])
const reply = Buffer.alloc(replyBytes)
reply.writeInt32LE(replyBytes, 0)
const server = createServer({ noDelay: true }, (socket) => {
  let pending: Buffer = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    let at = 0
    while (pending.length - at >= 4) {
      const length = pending.readInt32LE(at)
      if (pending.length - at < length) break
      at += length
      socket.write(reply)
    }
    pending = at === pending.length ? Buffer.alloc(0) : pending.subarray(at)
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) console.log(address.port)
})
