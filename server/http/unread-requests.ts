/** Requests that are refused before they are read: their answers are problems (RFC 9457), too. */
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { problemBody } from '../rest/problem.ts'

export const problemType = 'application/problem+json; charset=utf-8'

function problem(statusCode: number, detail: string): { readonly id: string; readonly body: string } {
  const id = randomUUID()
  return { id, body: problemBody(Object.assign(new Error(detail), { statusCode }), id) }
}

/** What cannot be read as HTTP: the answer, then the end of the connection. */
export function refuseClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, detail] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'the request did not arrive in time']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'the headers are too large']
        : [400, 'this is no HTTP request']
  const { id, body } = problem(status, detail)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${problemType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

/** An Expect header other than 100-continue. */
export function refuseExpectations(server: Server): void {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const { id, body } = problem(417, 'the only expectation that is known is 100-continue')
    response.writeHead(417, { 'content-type': problemType, 'x-request-id': id, connection: 'close' }).end(body)
  })
}
