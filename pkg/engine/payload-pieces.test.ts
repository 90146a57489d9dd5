import { expect, test } from 'vitest'
import type { CollectionId, RecordId } from '../base/ids.ts'
import { buildDocument } from '../bson/build.ts'
import { SeededRandom } from '../sim/random.ts'
import { endOfOperation, namespaceNote, OperationReader, OperationWriter, operationKind } from './operation.ts'
import { piecesOf } from './payload-pieces.ts'

/** Operations and notes of every kind, some of them larger than a piece. */
function operations(seed: number): OperationWriter {
  const random = new SeededRandom(seed)
  const writer = new OperationWriter()
  const text = () => 'x'.repeat(random.chance(0.02) ? random.integer(3_000_000) : random.integer(2000))
  for (let n = 0; n < 300; n++) {
    const document = buildDocument({ _id: n, text: text() })
    const [collection, record] = [random.integer(2 ** 31) as CollectionId, random.integer(2 ** 47) as RecordId]
    const kinds = [
      () => writer.insert(collection, record, document),
      () => writer.replace(collection, record, document),
      () => writer.patch(collection, record, 4 + random.integer(3), random.integer(3), document),
      () => writer.remove(collection, record),
      () => writer.catalog(operationKind.createIndex, document),
      () => writer.session(document),
      () => writer.moment(random.integer(2 ** 47)),
      () => writer.namespace(namespaceNote(collection, random.bytes(16), 'd'.repeat(random.integer(60)), 'ü')),
      () => writer.note(operationKind.preImage, document, 0, document.length),
      () => writer.event(document),
      () => writer.described(document, document.length),
    ]
    kinds[random.integer(kinds.length)]!()
  }
  return writer
}

function* read(bytes: Uint8Array, start: number, end: number): Generator<unknown> {
  const reader = new OperationReader(bytes, start, end)
  while (reader.next()) {
    const hasBytes = reader.kind !== operationKind.remove && reader.kind !== operationKind.moment
    yield [reader.kind, hasBytes ? Buffer.from(bytes.subarray(reader.start, reader.end)).toString('latin1') : '']
  }
}

test.each([1, 2, 3])('gives every operation of a payload once, in order and whole (seed %i)', (seed) => {
  const { bytes, length } = operations(seed)
  const found: unknown[] = []
  let calls = 0
  const source = {
    length,
    read: (target: Uint8Array, offset: number, count: number, position: number) => {
      target.set(bytes.subarray(position, position + count), offset)
      return count
    },
  }
  for (const { bytes: piece, end } of piecesOf(source)) {
    calls++
    found.push(...read(piece, 0, end))
  }
  expect(calls).toBeGreaterThan(1)
  expect(found).toEqual([...read(bytes, 0, length)])
})

test('says of an operation that is cut off that it ends behind the cut', () => {
  const { bytes, length } = operations(4)
  const reader = new OperationReader(bytes, 0, length)
  for (let at = 0; at < length; ) {
    expect(reader.next()).toBe(true)
    const next = endOfOperation(bytes, at, length)
    expect(reader.position).toBe(next)
    for (let cut = at + 1; cut < next; cut += 1 + ((next - at) >> 6)) {
      if (endOfOperation(bytes, at, cut) <= cut) throw new Error(`cut at ${cut} of [${at}, ${next})`)
    }
    at = next
  }
})
