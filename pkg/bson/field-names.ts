/** Field names as bytes, kept: the same few names come again and again. */
import { DatabaseError } from '../base/errors.ts'
import { utf8Bytes } from './utf8.ts'

const names = new Map<string, Uint8Array>()
const nameCountMax = 4096
const nameLengthMax = 64
/** When full, names that keep missing make the cache start again, so that it follows what is written now. */
const missCountMax = 16 * nameCountMax
let missCount = 0

/** The UTF-8 bytes of a field name, its NUL included. Throws BadValue for a name that has a NUL inside. */
export function fieldNameBytes(name: string): Uint8Array {
  return names.get(name) ?? remember(name)
}

function remember(name: string): Uint8Array {
  if (name.includes('\0')) {
    throw new DatabaseError('BadValue', `the field name ${JSON.stringify(name)} must not contain a null byte`)
  }
  const bytes = utf8Bytes(name + '\0')
  if (name.length > nameLengthMax) return bytes
  if (names.size < nameCountMax) names.set(name, bytes)
  else if (++missCount > missCountMax) {
    names.clear()
    missCount = 0
  }
  return bytes
}

/** Whether the name with its NUL stands at `at`. */
export function startsWith(bytes: Uint8Array, at: number, nameBytes: Uint8Array): boolean {
  const length = nameBytes.length
  for (let i = 0; i < length; i++) if (bytes[at + i] !== nameBytes[i]) return false
  return true
}
