/** The text that stands for key bytes in the table. */
export function lockKey(bytes: Uint8Array, length: number): string {
  // Records' keys; one call makes one flat string.
  if (length === 6) return String.fromCharCode(bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!, bytes[4]!, bytes[5]!)
  let key = ''
  for (let i = 0; i < length; i++) key += String.fromCharCode(bytes[i]!)
  return key
}

/** The bytes that `lockKey` made the text of. */
export function lockKeyBytes(key: string): Uint8Array {
  return Uint8Array.from(key, (character) => character.charCodeAt(0))
}
