/** A tree as a dumb sorted array, and random work on both: what the tests of this folder compare with. Only tests import it. */
import { expect } from 'vitest'
import type { SeededRandom } from '../../sim/random.ts'
import { compareRanges } from '../copy.ts'
import type { Tree, ValueRef } from '../tree.ts'

export interface ModelEntry {
  key: Uint8Array
  value: Uint8Array
}

export class TreeModel {
  entries: ModelEntry[] = []

  /** The first entry >= key. */
  seek(key: Uint8Array): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.entries[middle]!.key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  find(key: Uint8Array): number {
    const at = this.seek(key)
    return at < this.entries.length && compareKeys(this.entries[at]!.key, key) === 0 ? at : -1
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const at = this.seek(key)
    const found = at < this.entries.length && compareKeys(this.entries[at]!.key, key) === 0
    this.entries.splice(at, found ? 1 : 0, { key, value })
  }

  delete(key: Uint8Array): boolean {
    const at = this.find(key)
    if (at >= 0) this.entries.splice(at, 1)
    return at >= 0
  }

  copy(): TreeModel {
    const model = new TreeModel()
    model.entries = this.entries.slice()
    return model
  }
}

export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length)
}

export interface Shape {
  readonly keyLengthMax: number
  readonly valueLengthMax: number
  /** Few distinct bytes make long common prefixes. */
  readonly alphabet: number
  /** Half of the keys begin with so many zeros. */
  readonly zeros?: number
  /** How many keys there are to choose from. */
  readonly keys: number
}

/** Random keys of a pool, so that replacing and deleting hit. */
export function keyPool(random: SeededRandom, shape: Shape): Uint8Array[] {
  const keys: Uint8Array[] = []
  for (let i = 0; i < shape.keys; i++) {
    const length = 1 + random.integer(random.chance(0.1) ? shape.keyLengthMax : Math.min(shape.keyLengthMax, 24))
    const zeros = random.chance(0.5) ? (shape.zeros ?? 0) : 0
    const key = new Uint8Array(zeros + length)
    for (let b = zeros; b < key.length; b++) key[b] = random.integer(shape.alphabet)
    keys.push(key)
  }
  return keys
}

export function randomValue(random: SeededRandom, lengthMax: number): Uint8Array {
  const length = random.chance(0.05) ? random.integer(lengthMax + 1) : random.integer(Math.min(lengthMax, 60) + 1)
  return new Uint8Array(length).fill(random.integer(256))
}

export function bytesOf(value: ValueRef): Uint8Array {
  return value.bytes.slice(value.start, value.end)
}

/** The whole tree, forwards and backwards, is what the model says. */
export function expectSame(tree: Tree, model: TreeModel): void {
  const cursor = tree.cursor()
  let i = 0
  for (let on = cursor.first(); on; on = cursor.next()) {
    cursor.readKey()
    expectEntry(model.entries[i++], cursor.key.subarray(0, cursor.keyLength), bytesOf(cursor.readValue()))
  }
  expect(i).toBe(model.entries.length)
  for (let on = cursor.last(); on; on = cursor.previous()) {
    cursor.readKey()
    expectEntry(model.entries[--i], cursor.key.subarray(0, cursor.keyLength), bytesOf(cursor.readValue()))
  }
  expect(i).toBe(0)
  cursor.close()
}

function expectEntry(entry: ModelEntry | undefined, key: Uint8Array, value: Uint8Array): void {
  // Buffer.compare is much faster than a matcher, which is called only to report.
  if (entry === undefined || Buffer.compare(entry.key, key) !== 0 || Buffer.compare(entry.value, value) !== 0) {
    expect({ key, value }).toEqual(entry)
  }
}
