/**
 * The limit for a gRPC server of this framework: the calls of the load generator, answered with fixed bytes.
 *
 *   node grpc-echo-server.ts UNARY_REPLY_BYTES SESSION_REPLY_BYTES FRAME_BYTES       prints its port
 *
 * A session message is answered with a reply for each of its commands, which are all FRAME_BYTES long.
 */
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { findOnePath, idOffset, replyIdOffset, sessionPath } from './cases/grpc-frames.ts'

const [unaryBytes, sessionBytes, frameBytes] = process.argv.slice(2).map(Number) as [number, number, number]
const unaryReply = Buffer.alloc(unaryBytes)
const sessionReply = Buffer.alloc(sessionBytes)
// Reply { 1 id, 2 body }: what is inside the body nobody reads.
const inside = sessionBytes - replyIdOffset + 1
sessionReply.set([0x0a, (inside & 0x7f) | 0x80, inside >> 7, 0x08], 0)

const same = (message: Buffer) => message
const method = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }
const server = new Server({ 'grpc.enable_channelz': 0 })
server.addService(
  {
    findOne: { path: findOnePath, requestStream: false, responseStream: false, ...method },
    session: { path: sessionPath, requestStream: true, responseStream: true, ...method },
  },
  {
    findOne: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, unaryReply),
    session: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => {
        const count = message.length / frameBytes
        const replies = Buffer.allocUnsafe(count * sessionBytes)
        for (let n = 0; n < count; n++) {
          replies.set(sessionReply, n * sessionBytes)
          replies[n * sessionBytes + replyIdOffset] = message[n * frameBytes + idOffset]!
        }
        call.write(replies)
      })
      call.on('error', () => undefined)
      call.on('end', () => call.end())
    },
  },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) => console.log(port))
