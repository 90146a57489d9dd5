/**
 * Texts of one document that are made together. A call into native code takes as long as making two texts of some twenty bytes here, however
 * long its text is; so what they consist of is put side by side, made into one string by one call, and each text is a part of that.
 *
 * V8 keeps the whole of a string as long as somebody has a part of 13 characters or more: all texts of the document, `gatheredMax` bytes at most.
 */
import { viewOf } from '../base/byte-view.ts'

type Latin1Slice = (this: Uint8Array, start: number, end: number) => string
/** On every Buffer, though not in the type declarations; it takes any Uint8Array. */
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Latin1Slice }).latin1Slice

/** Shorter texts are made by themselves: V8 would copy them, and many are known. */
const lengthMin = 13
const lengthMax = 64
const gatheredMax = 256
/** Fewer bytes, or but one text, are made as quickly by themselves. */
const worthBytes = 56

const gathered = new Uint8Array(gatheredMax)
const gatheredView = viewOf(gathered)

/** Whether a text of so many bytes may be gathered. */
export function isGathered(length: number): boolean {
  return length >= lengthMin && length <= lengthMax
}

/** Whether to gather the texts of documents like one that has texts of these lengths in bytes. */
export function worthGathering(lengths: readonly number[]): boolean {
  const long = lengths.filter(isGathered)
  return long.length > 1 && long.reduce((sum, length) => sum + length, 0) >= worthBytes
}

/**
 * Puts the text from `start` to `end` (exclusive) behind the `to` bytes that were gathered before; returns how many they are then. `to`: it was
 * not, being too short or long or not all ASCII.
 */
export function gatherText(view: DataView, start: number, end: number, to: number): number {
  const length = end - start
  if (!isGathered(length) || to + length > gatheredMax) return to
  const last = end - 4
  let bits = view.getInt32(last, true)
  gatheredView.setInt32(to + length - 4, bits, true)
  for (let at = start, into = to; at < last; at += 4, into += 4) {
    const word = view.getInt32(at, true)
    gatheredView.setInt32(into, word, true)
    bits |= word
  }
  return (bits & 0x80808080) === 0 ? to + length : to
}

/** The texts that were gathered, one behind the other. */
export function gatheredTexts(length: number): string {
  return latin1Slice.call(gathered, 0, length)
}
