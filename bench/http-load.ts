/** Sends one request over and over on several connections, each with the next as soon as the last is answered. Arguments: port, kind, connections, seconds, documents. */
import { Agent, request as httpRequest } from 'node:http'
import { idOf } from './documents.ts'

const [port, kind, connections, seconds, documents] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })
const query = '{ people(filter: { city: { eq: "Oslo" } }, first: 20) { nodes { _id name email age city score } } }'
const body = Buffer.from(JSON.stringify({ query }))
let count = 0
let replyBytes = 0
let n = 0

function once(): Promise<void> {
  const isGet = kind === 'rest' || kind === 'empty'
  const path =
    kind === 'empty'
      ? '/empty'
      : kind === 'rest'
        ? `/v1/databases/bench/collections/people/documents/${idOf((n++ * 48271) % Number(documents)).toHexString()}`
        : kind === 'graphql'
          ? '/graphql/bench'
          : '/graphql'
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        agent,
        port: Number(port),
        host: '127.0.0.1',
        path,
        method: isGet ? 'GET' : 'POST',
        ...(isGet ? {} : { headers: { 'content-type': 'application/json', 'content-length': body.length } }),
      },
      (response) => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => (bytes += chunk.length))
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
          replyBytes = bytes
          count++
          resolve()
        })
      },
    )
    request.on('error', reject)
    request.end(isGet ? undefined : body)
  })
}

const endMs = performance.now() + Number(seconds) * 1000
const startMs = performance.now()
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (performance.now() < endMs) await once()
  }),
)
console.log(JSON.stringify({ perSecond: (count * 1000) / (performance.now() - startMs), replyBytes }))
agent.destroy()
