/**
 * What transactions have read last of the stored maps: a document that is found and then changed is read three times, each time by way of its index. What
 * a key had at a moment it has as long as somebody holds a snapshot of that moment, so that nothing here is ever wrong: places are taken by whoever reads next.
 *
 * One for all transactions, so that a short one costs it no memory of its own: a table of places, each with the reader's number, the moment, the
 * key and the value, a few KB that stay in the processor's cache.
 */
import type { Timestamp } from '../base/timestamp.ts'
import type { ValueRef } from '../storage/tree.ts'

const placeCount = 128
const keyMax = 64
const valueMax = 448
const placeBytes = keyMax + valueMax
/** Of what is not there the value has no bytes. */
const bytes = new Uint8Array(placeCount * placeBytes)
const readers = new Float64Array(placeCount)
const moments = new Float64Array(placeCount)
const keyLengths = new Uint8Array(placeCount)
const valueLengths = new Uint16Array(placeCount)
let lastReader = 0

/** A number for a map as one transaction sees it, nobody else's ever. */
export function newReader(): number {
  return ++lastReader
}

/** The place of the key. */
export function memoPlace(reader: number, key: Uint8Array, keyLength: number): number {
  let hash = reader
  for (let i = 0; i < keyLength; i++) hash = (Math.imul(hash, 31) + key[i]!) | 0
  return (hash ^ (hash >>> 7) ^ (hash >>> 14)) & (placeCount - 1)
}

/** Whether it is known what the key had; `into`: the value, empty when there was none, until the next read. */
export function recall(
  place: number,
  reader: number,
  key: Uint8Array,
  keyLength: number,
  at: Timestamp,
  into: ValueRef,
): boolean {
  if (readers[place] !== reader || keyLengths[place] !== keyLength || moments[place] !== at) return false
  const start = place * placeBytes
  for (let i = 0; i < keyLength; i++) if (bytes[start + i] !== key[i]) return false
  into.bytes = bytes
  into.start = start + keyMax
  into.end = into.start + valueLengths[place]!
  return true
}

/** Keeps what was read, if it is short; `value` undefined: nothing is there. */
export function memorize(
  place: number,
  reader: number,
  key: Uint8Array,
  keyLength: number,
  at: Timestamp,
  value: ValueRef | undefined,
): void {
  const length = value === undefined ? 0 : value.end - value.start
  if (keyLength > keyMax || length > valueMax) return
  const start = place * placeBytes
  for (let i = 0; i < keyLength; i++) bytes[start + i] = key[i]!
  for (let i = 0; i < length; i++) bytes[start + keyMax + i] = value!.bytes[value!.start + i]!
  readers[place] = reader
  moments[place] = at
  keyLengths[place] = keyLength
  valueLengths[place] = length
}
