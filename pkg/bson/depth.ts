/** How deep documents and arrays nest. */
import { bsonType } from './type.ts'
import { readInt32 } from './value.ts'
import { ElementWalker } from './walk.ts'

/** Bytes of an empty document. */
const emptySize = 5
/** The fewest bytes by which a level makes the one around it longer: type, an empty name, an empty document. */
const levelSizeMin = 7

/** Whether the document or array at `start` has more than `levels` levels, itself counted. What is too short for that is not looked into. */
export function nestsDeeper(bytes: Uint8Array, start: number, levels: number): boolean {
  if (levels <= 0) return true
  if (isTooShort(bytes, start, levels)) return false
  const open = [new ElementWalker().reset(bytes, start)]
  for (let walker = open.at(-1); walker !== undefined; walker = open.at(-1)) {
    if (!walker.next()) open.pop()
    else if (walker.type === bsonType.document || walker.type === bsonType.array) {
      const left = levels - open.length
      if (left === 0) return true
      if (!isTooShort(bytes, walker.valueStart, left)) open.push(new ElementWalker().reset(bytes, walker.valueStart))
    }
  }
  return false
}

function isTooShort(bytes: Uint8Array, start: number, levels: number): boolean {
  return readInt32(bytes, start) < emptySize + levelSizeMin * levels
}
