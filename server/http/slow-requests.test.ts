import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Node, openNode } from '../node.ts'
import { type HttpDoor, openHttpDoor } from './door.ts'

const requestTimeoutMs = 600
const logged: string[] = []
let folder: string
let node: Node
let door: HttpDoor

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'laura-slow-'))
  node = await openNode({ dir: folder, engine: {} })
  door = await openHttpDoor({
    bind: '127.0.0.1',
    port: 0,
    database: node.database,
    log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
    isReady: () => true,
    requestTimeoutMs,
  })
})

afterAll(async () => {
  await door.stop(0)
  await node.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Sends the beginning of a request whose body comes in chunks; what is answered, once the connection is closed. */
function begin(path: string, type: string): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(door.port, '127.0.0.1')
  socket.write(
    `POST /v1/databases/d/collections/c/${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`,
  )
  const answer = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
  return { socket, answer }
}

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

it('a document whose bytes do not come is not waited for', async () => {
  const { socket, answer } = begin('documents', 'application/json')
  const dripping = setInterval(() => socket.write(chunk(' ')), 100)
  expect(await answer).toMatch(/^HTTP\/1.1 408 /)
  clearInterval(dripping)
})

it('an import may take as long as documents come', async () => {
  const { socket, answer } = begin('import', 'application/x-ndjson')
  for (let i = 0; i < 10; i++) {
    socket.write(chunk(`{"_id":${i}}\n`))
    await rest(requestTimeoutMs / 4)
  }
  socket.write('0\r\n\r\n')
  expect(await answer).toMatch(/"inserted":10/)
})

it('an import in which nothing comes any more is ended', async () => {
  const { socket, answer } = begin('import', 'application/x-ndjson')
  socket.write(chunk('{"a":1}\n'))
  expect(await answer).toBe('')
  // That a client is gone is not a failure of the server.
  expect(logged).toEqual([])
})
