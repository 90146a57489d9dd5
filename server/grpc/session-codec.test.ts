import fc from 'fast-check'
import { expect, it } from 'vitest'
import { loadSchema } from './schema.ts'
import { type SessionCommand, SessionRequestReader, SessionResponseWriter } from './session-codec.ts'

const schema = loadSchema()
const requestType = schema.lookupType('lauradb.v1.SessionRequest')
const responseType = schema.lookupType('lauradb.v1.SessionResponse')

const uint32 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffffffff }))
const bytes = fc.uint8Array({ maxLength: 300 })
const command = fc.record({
  id: fc.integer({ min: 1, max: 0xffffffff }),
  body: bytes,
  sequences: fc.array(
    fc.record({ name: fc.string({ unit: 'grapheme' }), documents: fc.array(bytes, { maxLength: 4 }) }),
    { maxLength: 3 },
  ),
  lane: uint32,
  batches: uint32,
})
const request = fc.record({
  commands: fc.array(command, { maxLength: 5 }),
  cancellations: fc.array(uint32, { maxLength: 5 }),
  credits: fc.array(fc.record({ id: uint32, batches: uint32 }), { maxLength: 5 }),
})

/** Everything that a message says, as the reader tells it. */
function readAll(message: Uint8Array) {
  const commands: SessionCommand[] = []
  const cancellations: number[] = []
  const credits: { id: number; batches: number }[] = []
  const reader = new SessionRequestReader(message)
  const events = {
    command: (each: SessionCommand) => commands.push(each),
    cancel: (id: number) => cancellations.push(id),
    credit: (id: number, batches: number) => credits.push({ id, batches }),
  }
  while (reader.step(events));
  return { commands, cancellations, credits }
}

it('reads what protobufjs writes', () => {
  fc.assert(
    fc.property(request, (fields) => {
      const message = requestType.encode(fields).finish()
      const read = readAll(new Uint8Array(message))
      expect(read.cancellations).toEqual(fields.cancellations)
      expect(read.credits).toEqual(fields.credits)
      expect(JSON.stringify(read.commands)).toEqual(
        JSON.stringify(
          fields.commands.map(({ id, body, sequences, lane, batches }) => ({ id, body, sequences, lane, batches })),
        ),
      )
    }),
  )
})

it('refuses what it cannot read, and never reads beyond it', () => {
  fc.assert(
    fc.property(request, fc.nat(), fc.nat(255), fc.boolean(), (fields, at, byte, cut) => {
      const message = new Uint8Array(requestType.encode(fields).finish())
      if (message.length > 0) message[at % message.length] = byte
      const changed = cut ? message.subarray(0, at % (message.length + 1)) : message
      try {
        readAll(changed)
      } catch (error) {
        expect(error).toMatchObject({ codeName: 'ProtocolError' })
      }
    }),
    { numRuns: 1000 },
  )
})

it('writes what protobufjs reads, in messages that are no larger than asked', () => {
  const reply = fc.record({ id: fc.integer({ min: 1, max: 0xffffffff }), body: bytes, more: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(reply, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 2000 }),
      (replies, bytesMax) => {
        const writer = new SessionResponseWriter()
        for (const { id, body, more } of replies) writer.add(id, body, more)
        const read: unknown[] = []
        while (!writer.isEmpty) {
          const message = writer.take(bytesMax)
          const decoded = responseType.decode(message) as unknown as {
            replies: { id: number; body: Uint8Array; more: boolean }[]
          }
          if (decoded.replies.length > 1) expect(message.length).toBeLessThanOrEqual(bytesMax)
          read.push(...decoded.replies.map(({ id, body, more }) => ({ id, body: new Uint8Array(body), more })))
        }
        expect(read).toEqual(replies)
        expect(writer.waitingBytes).toBe(0)
      },
    ),
  )
})
