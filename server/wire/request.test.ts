import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../pkg/base/crc32c.ts'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import { getField, readString } from '../../pkg/bson/value.ts'
import { headerLength, messageFlag, opcode, writeHeader, writeInt32 } from './protocol.ts'
import { parseMessage, parseQuery } from './request.ts'

function opMsg(flags: number, ...sections: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(sections)
  const bytes = new Uint8Array(headerLength + 4 + content.length)
  writeHeader(bytes, bytes.length, 1, 0, opcode.message)
  writeInt32(bytes, headerLength, flags)
  bytes.set(content, headerLength + 4)
  return bytes
}

function body(document: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(0), document])
}

function sequence(name: string, ...documents: Uint8Array[]): Uint8Array {
  const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents])
  const bytes = new Uint8Array(5 + content.length)
  bytes[0] = 1
  writeInt32(bytes, 1, 4 + content.length)
  bytes.set(content, 5)
  return bytes
}

function opQuery(collection: string, query: Uint8Array): Uint8Array {
  const name = Buffer.from(`${collection}\0`)
  const bytes = new Uint8Array(headerLength + 4 + name.length + 8 + query.length)
  writeHeader(bytes, bytes.length, 1, 0, opcode.query)
  bytes.set(name, headerLength + 4)
  bytes.set(query, headerLength + 4 + name.length + 8)
  return bytes
}

const ping = buildDocument({ ping: 1, $db: 'admin' })
const insert = buildDocument({ insert: 'c', $db: 'd' })
const one = buildDocument({ _id: 1 })
const two = buildDocument({ _id: 2, text: 'zwei' })

function parse(bytes: Uint8Array) {
  // Not at the start of its buffer, as with pipelined messages.
  const shifted = new Uint8Array(bytes.length + 10)
  shifted.set(bytes, 7)
  return parseMessage(shifted, 7, 7 + bytes.length)
}

function codeOf(action: () => unknown): number | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof DatabaseError) return error.code
    throw error
  }
}

describe('OP_MSG', () => {
  it('is a body and, if it has them, document sequences', () => {
    const plain = parse(opMsg(0, body(ping)))
    expect(Buffer.from(plain.body)).toEqual(Buffer.from(ping))
    expect(plain.sequences.size).toBe(0)
    expect(plain.replyExpected).toBe(true)
    for (const sections of [
      [body(insert), sequence('documents', one, two)],
      [sequence('documents', one, two), body(insert)],
    ]) {
      const message = parse(opMsg(0, ...sections))
      expect(Buffer.from(message.body)).toEqual(Buffer.from(insert))
      expect(message.sequences.get('documents')!.map((each) => Buffer.from(each))).toEqual([
        Buffer.from(one),
        Buffer.from(two),
      ])
    }
  })

  it('wants no reply when it says that more is to come', () => {
    expect(parse(opMsg(messageFlag.moreToCome, body(ping))).replyExpected).toBe(false)
  })

  it('may carry a checksum, which must be right', () => {
    const bytes = Buffer.concat([opMsg(messageFlag.checksumPresent, body(ping)), new Uint8Array(4)])
    writeInt32(bytes, 0, bytes.length)
    writeInt32(bytes, bytes.length - 4, crc32c(bytes, 0, bytes.length - 4))
    expect(Buffer.from(parse(bytes).body)).toEqual(Buffer.from(ping))
    bytes[30]! ^= 1
    expect(() => parse(bytes)).toThrow('OP_MSG checksum does not match contents')
  })

  it('may have flags that are optional, and none of those that are not known', () => {
    expect(codeOf(() => parse(opMsg(messageFlag.exhaustAllowed | 0x80000000, body(ping))))).toBe(undefined)
    for (let bit = 2; bit < 16; bit++)
      expect(() => parse(opMsg(1 << bit, body(ping)))).toThrow(/illegal flags value: 0b/)
  })

  it.each([
    ['two bodies', [body(ping), body(ping)], 40430],
    ['no body', [sequence('documents', one)], 40587],
    ['one sequence twice', [body(insert), sequence('documents', one), sequence('documents', two)], 40431],
    [
      'a field that is a sequence too',
      [body(buildDocument({ insert: 'c', documents: [] })), sequence('documents', one)],
      40433,
    ],
    ['an unknown kind', [Uint8Array.of(9, 1, 2, 3, 4, 5)], 40432],
    ['a body that is too short', [body(Uint8Array.of(4, 0, 0, 0))], 22],
    ['a body that ends beyond the message', [body(Uint8Array.of(50, 0, 0, 0, 0))], 22],
    ['a body of bad BSON', [body(Uint8Array.of(8, 0, 0, 0, 0x77, 97, 0, 0))], 22],
    ['a sequence without a name', [body(insert), Uint8Array.of(1, 6, 0, 0, 0, 65, 65)], 22],
    ['a sequence that ends beyond the message', [body(insert), Uint8Array.of(1, 60, 0, 0, 0, 65, 0)], 22],
    ['a negative sequence', [body(insert), Uint8Array.of(1, 255, 255, 255, 255, 65, 0)], 22],
    ['a document cut off in a sequence', [body(insert), sequence('documents', one.subarray(0, 8))], 22],
  ])('is refused with %s', (_what, sections, code) => {
    expect(codeOf(() => parse(opMsg(0, ...sections)))).toBe(code)
  })

  it('is parsed or refused, whatever the bytes are', () => {
    const good = opMsg(0, body(insert), sequence('documents', one, two))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: headerLength, max: good.length - 1 }), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.integer({ min: 0, max: good.length - headerLength }),
        (changes, cut) => {
          const bytes = good.slice(0, good.length - cut)
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
          codeOf(() => parse(bytes))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('OP_QUERY', () => {
  it('gives its command the database that it names outside', () => {
    const bytes = opQuery('admin.$cmd', buildDocument({ isMaster: 1, client: { a: 1 } }))
    const { collection, commandName, message } = parseQuery(bytes, 0, bytes.length)
    expect(collection).toBe('admin.$cmd')
    expect(commandName).toBe('isMaster')
    const database = getField(message.body, '$db')!
    expect(readString(database.bytes, database.start)).toBe('admin')
    expect(getField(message.body, 'client')).toBeDefined()
  })

  it('is parsed or refused, whatever the bytes are', () => {
    const good = opQuery('admin.$cmd', buildDocument({ isMaster: 1 }))
    fc.assert(
      fc.property(
        fc.integer({ min: headerLength, max: good.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(30),
        (at, value, cut) => {
          const bytes = good.slice(0, good.length - cut)
          if (at < bytes.length) bytes[at] = value
          codeOf(() => parseQuery(bytes, 0, bytes.length))
        },
      ),
      { numRuns: 2000 },
    )
    const empty = opQuery('admin.$cmd', buildDocument({}))
    expect(parseQuery(empty, 0, empty.length).commandName).toBe('')
  })
})
