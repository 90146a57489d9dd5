import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messageSizeMax } from '../../pkg/base/limits.ts'
import { MessageReader } from './framing.ts'
import { headerLength, writeHeader } from './protocol.ts'

function messageOf(content: Uint8Array): Uint8Array {
  const message = new Uint8Array(headerLength + content.length)
  writeHeader(message, message.length, 7, 0, 2013)
  message.set(content, headerLength)
  return message
}

function header(declaredLength: number): Uint8Array {
  const bytes = new Uint8Array(headerLength)
  writeHeader(bytes, declaredLength, 7, 0, 2013)
  return bytes
}

/** Bytes of memory that a reader holds on to, its private buffer being what `next` would hand out. */
function held(reader: MessageReader): number {
  let largest = 0
  const original = Uint8Array.prototype.set
  // The buffer grows only by copying what is unread, so the target of that copy is the buffer.
  Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, offset?: number) {
    largest = Math.max(largest, this.buffer.byteLength)
    original.call(this, source, offset)
  }
  try {
    reader.push(new Uint8Array(1))
  } finally {
    Uint8Array.prototype.set = original
  }
  return largest
}

describe('MessageReader', () => {
  it('cuts any stream into its messages, however it is chopped up', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 200 })),
        fc.boolean(),
        (contents, cuts, readEagerly) => {
          const messages = contents.map(messageOf)
          const stream = Buffer.concat(messages)
          const reader = new MessageReader()
          const found: Uint8Array[] = []
          const handedOut: Uint8Array[] = []
          const readAll = () => {
            while (reader.next()) {
              handedOut.push(reader.bytes.subarray(reader.start, reader.end))
              found.push(reader.bytes.slice(reader.start, reader.end))
              if (readEagerly) reader.release()
            }
          }
          let at = 0
          for (const cut of cuts) {
            if (at >= stream.length) break
            reader.push(new Uint8Array(stream.subarray(at, at + cut)))
            at += cut
            if (readEagerly) readAll()
          }
          readAll()
          expect(found.map((bytes) => Buffer.from(bytes))).toEqual(messages.map((bytes) => Buffer.from(bytes)))
          expect(handedOut.map((bytes) => Buffer.from(bytes))).toEqual(messages.map((bytes) => Buffer.from(bytes)))
          expect(reader.unreadBytes).toBe(0)
        },
      ),
    )
  })

  it('hands out a message that came whole without copying it', () => {
    const chunk = messageOf(new Uint8Array(50))
    const reader = new MessageReader()
    reader.push(chunk)
    expect(reader.next()).toBe(true)
    expect(reader.bytes).toBe(chunk)
  })

  it('does not allocate what a header merely declares', () => {
    const reader = new MessageReader()
    reader.push(header(messageSizeMax))
    expect(reader.next()).toBe(false)
    expect(held(reader)).toBeLessThan(100)
    let arrived = headerLength + 1
    for (let i = 0; i < 50; i++) {
      reader.push(new Uint8Array(1000))
      expect(reader.next()).toBe(false)
      arrived += 1000
    }
    expect(held(reader)).toBeLessThanOrEqual(2 * arrived + 2000)
  })

  it('does not keep a large chunk alive for a few bytes of the next header', () => {
    const reader = new MessageReader()
    const chunk = new Uint8Array(60_000 + 5)
    chunk.set(messageOf(new Uint8Array(60_000 - headerLength)))
    chunk.set(header(40).subarray(0, 5), 60_000)
    reader.push(chunk)
    expect(reader.next()).toBe(true)
    expect(reader.next()).toBe(false)
    expect(reader.unreadBytes).toBe(5)
    reader.release()
    expect(held(reader)).toBeLessThan(100)
  })

  it.each([0, 15, -1, messageSizeMax + 1, 0x7fffffff])('refuses a message that says it has %i bytes', (length) => {
    const reader = new MessageReader()
    reader.push(header(length).subarray(0, 4))
    expect(() => reader.next()).toThrow(`recv(): message msgLen ${length} is invalid. Min 16 Max: 48000000`)
  })

  it('refuses an opcode that there is not, before the rest of the message has come', () => {
    const reader = new MessageReader()
    const bytes = header(40_000_000)
    bytes[13] = 99
    reader.push(bytes)
    expect(() => reader.next()).toThrow(/Operation isn't supported/)
  })

  it('recognises who speaks HTTP', () => {
    const reader = new MessageReader()
    reader.push(new TextEncoder().encode('GET / HTTP/1.1\r\n'))
    expect(reader.startsWith('GET ')).toBe(true)
    expect(reader.startsWith('POST')).toBe(false)
  })
})
