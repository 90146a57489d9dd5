/** What was touched goes here, so that it counts as used. */
const touched = new Uint32Array(1)

/**
 * Reads the first lines of the leaf that begins at word `at`. Nobody may have looked at it lately, and header and slots would be waited
 * for one after the other: a search knows from the header where the slots are, and from some of them which others it wants.
 */
export function touchSlots(words: Uint32Array, at: number): void {
  let sum = words[at]!
  sum += words[at + 16]! + words[at + 32]! + words[at + 48]! + words[at + 64]! + words[at + 80]! + words[at + 96]!
  touched[0] = sum
}
