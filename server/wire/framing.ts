/**
 * Cuts a byte stream into wire messages, in place.
 *
 * INVARIANTS
 *  (1) Memory held is at most twice what has arrived and is unread; what a header merely declares is never allocated.
 *  (2) A message that lies whole in one chunk is handed out as a view of that chunk, not copied.
 *  (3) Bytes handed out never change afterwards: appended bytes go behind them or into a new buffer.
 */
import { DatabaseError } from '../../pkg/base/errors.ts'
import { messageSizeMax } from '../../pkg/base/limits.ts'
import { headerLength, isOpcode, readInt32 } from './protocol.ts'

const empty = new Uint8Array(0)
const ownBufferLengthMin = 64

export class MessageReader {
  /** After `next` returned true: the message lies in `bytes[start, end)`, header included. */
  bytes: Uint8Array = empty
  start = 0
  end = 0

  /** Unread bytes are `#buffer[#from, #to)`. */
  #buffer: Uint8Array = empty
  #from = 0
  #to = 0
  /** Whether `#buffer` is ours, so that bytes may be put behind `#to`. */
  #owned = false

  get unreadBytes(): number {
    return this.#to - this.#from
  }

  /** Takes a chunk as it came from the socket; the reader keeps it, and it must not change any more. */
  push(chunk: Uint8Array): void {
    const unread = this.#to - this.#from
    if (unread === 0) {
      this.#buffer = chunk
      this.#from = 0
      this.#to = chunk.length
      this.#owned = false
      return
    }
    if (!this.#owned || this.#buffer.length - this.#to < chunk.length) this.#grow(unread, unread + chunk.length)
    this.#buffer.set(chunk, this.#to)
    this.#to += chunk.length
  }

  #grow(unread: number, needed: number): void {
    const declared = unread >= 4 ? readInt32(this.#buffer, this.#from) : ownBufferLengthMin
    const roomy = Math.max(ownBufferLengthMin, Math.min(2 * needed, declared))
    const larger = new Uint8Array(Math.max(needed, roomy))
    larger.set(this.#buffer.subarray(this.#from, this.#to))
    this.#buffer = larger
    this.#from = 0
    this.#to = unread
    this.#owned = true
  }

  /**
   * Moves to the next whole message; false when it has not arrived yet.
   * @throws DatabaseError ProtocolError when the header makes no sense, as soon as it is there: the connection cannot go on.
   */
  next(): boolean {
    const unread = this.#to - this.#from
    if (unread < 4) {
      this.#letGo(unread)
      return false
    }
    const length = readInt32(this.#buffer, this.#from)
    if (length < headerLength || length > messageSizeMax) {
      throw new DatabaseError(
        'ProtocolError',
        `recv(): message msgLen ${length} is invalid. Min ${headerLength} Max: ${messageSizeMax}`,
      )
    }
    if (unread >= headerLength && !isOpcode(readInt32(this.#buffer, this.#from + 12))) {
      throw new DatabaseError('ProtocolError', `Operation isn't supported: ${readInt32(this.#buffer, this.#from + 12)}`)
    }
    if (unread < length) {
      this.#letGo(unread)
      return false
    }
    this.bytes = this.#buffer
    this.start = this.#from
    this.end = this.#from += length
    return true
  }

  /** Whether the unread bytes begin with this ASCII text: to recognise who speaks another protocol. */
  startsWith(text: string): boolean {
    if (this.#to - this.#from < text.length) return false
    for (let i = 0; i < text.length; i++) if (this.#buffer[this.#from + i] !== text.charCodeAt(i)) return false
    return true
  }

  /** Forgets the message handed out, once it has been answered: an idle connection holds no buffer. */
  release(): void {
    this.bytes = empty
    this.start = this.end = 0
    if (this.#from === this.#to) this.#letGo(0)
  }

  /** A few unread bytes must not keep a large chunk alive while a connection idles. */
  #letGo(unread: number): void {
    if (unread === 0) {
      this.#buffer = empty
      this.#from = this.#to = 0
      this.#owned = false
    } else if (!this.#owned && unread * 2 < this.#buffer.buffer.byteLength) {
      this.#buffer = this.#buffer.slice(this.#from, this.#to)
      this.#from = 0
      this.#to = unread
    }
  }
}
