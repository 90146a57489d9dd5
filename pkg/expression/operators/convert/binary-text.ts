/** Binary data as text, and back: base64, base64url, hex, uuid, utf8. */
import { isUtf8, readUtf8, utf8Bytes } from '../../../bson/utf8.ts'

export const textFormats = ['auto', 'base64', 'base64url', 'hex', 'uuid', 'utf8'] as const
export type TextFormat = (typeof textFormats)[number]

export const uuidSubtype = 4
const uuidBytes = 16

/** Undefined where the format does not fit the data. */
export function textOfBinary(content: Uint8Array, subtype: number, format: TextFormat): string | undefined {
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.length)
  switch (format) {
    case 'auto':
      return textOfBinary(content, subtype, subtype === uuidSubtype ? 'uuid' : 'base64')
    case 'base64':
      return buffer.toString('base64')
    case 'base64url':
      return buffer.toString('base64url')
    case 'hex':
      return buffer.toString('hex').toUpperCase()
    case 'utf8':
      return isUtf8(content, 0, content.length) ? readUtf8(content, 0, content.length) : undefined
    case 'uuid': {
      if (subtype !== uuidSubtype || content.length !== uuidBytes) return undefined
      const hex = buffer.toString('hex')
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
    }
  }
}

const base64Form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const base64UrlForm = /^[A-Za-z0-9_-]*={0,2}$/
const hexForm = /^(?:[0-9a-fA-F]{2})*$/
const uuidForm = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

/** Undefined for text that is not of the format. A uuid is of subtype 4, and nothing else is. */
export function binaryOfText(text: string, subtype: number, format: TextFormat): Uint8Array | undefined {
  if ((format === 'uuid') !== (subtype === uuidSubtype)) return undefined
  switch (format) {
    case 'auto':
      return undefined
    case 'base64':
      return base64Form.test(text) ? Buffer.from(text, 'base64') : undefined
    case 'base64url':
      return isBase64Url(text) ? Buffer.from(text, 'base64url') : undefined
    case 'hex':
      return hexForm.test(text) ? Buffer.from(text, 'hex') : undefined
    case 'utf8':
      return utf8Bytes(text)
    case 'uuid':
      return uuidForm.test(text) ? Buffer.from(text.replaceAll('-', ''), 'hex') : undefined
  }
}

/** Padding may be left out, but what is there must fit. */
function isBase64Url(text: string): boolean {
  if (!base64UrlForm.test(text)) return false
  const digits = text.replace(/=+$/, '').length
  return digits % 4 !== 1 && (digits === text.length || text.length % 4 === 0)
}
