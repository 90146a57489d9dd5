/** Upper and lower case of the ASCII letters, in place; in UTF-8 no byte of another character is one of theirs. */

export function asciiUpperCase(bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte >= 0x61 && byte <= 0x7a) bytes[at] = byte - 0x20
  }
}

export function asciiLowerCase(bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte >= 0x41 && byte <= 0x5a) bytes[at] = byte + 0x20
  }
}
