import { expect, it } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import { getField, int32Value, type Value } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { ArrayResult } from './array-result.ts'
import { EvaluationContext } from './context.ts'
import { missing } from './expression.ts'
import { RootFields } from './root-fields.ts'

const context = new EvaluationContext(0, new RootFields())

function arrayOf(elements: readonly unknown[]): Value {
  return getField(buildDocument({ a: elements }), 'a')!
}

function bytesOf({ bytes, start, end }: Value): Uint8Array {
  return bytes.slice(start, end)
}

it.each([0, 1, 8, 9, 10, 98, 99, 100, 999, 1000, 10_001])(
  'names elements by their places after %i taken over',
  (count) => {
    const taken = Array.from({ length: count }, (_, i) => i)
    const rest = Array.from({ length: 150 }, (_, i) => `r${i}`)
    const result = new ArrayResult().reset()
    result.addAll(arrayOf(taken))
    result.addAll(arrayOf(rest))
    result.add(missing)
    result.add(int32Value(7))
    result.addInt32(8)
    const text = utf8Bytes('texte')
    result.addText(text, 0, 4)
    result.beginDocument()
    result.writer.end()
    result.beginArray()
    result.writer.end()
    const walker = new ElementWalker()
    const more = arrayOf([true])
    walker.reset(more.bytes, more.start)
    while (walker.next()) result.addElement(walker)
    const expected = [...taken, ...rest, null, 7, 8, 'text', {}, [], true]
    expect(result.count).toBe(expected.length)
    expect(bytesOf(result.value(context))).toEqual(bytesOf(arrayOf(expected)))
    expect(bytesOf(result.reset().value(context))).toEqual(bytesOf(arrayOf([])))
  },
)
