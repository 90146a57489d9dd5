/** `$changeStreamSplitLargeEvent`: an event that is larger than a document may be, as several documents with some of its fields each. */
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMax } from '../base/limits.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { ChangeStream } from './change-stream.ts'
import { readToken, tokenText } from './resume-token.ts'

interface Events {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly paused?: boolean
  next(): boolean
  save(): void
  close(): void
}

/** Bytes of a fragment beside the fields that it has of the event: its `_id`, and which of how many it is. */
const fragmentOverhead = 160

export class SplitEvents implements Events {
  readonly #stream: ChangeStream
  readonly #events: Events
  #fragments: readonly Uint8Array[] = []
  #next = 0
  #skip: number
  paused = false
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  constructor(stream: ChangeStream, events: Events) {
    this.#stream = stream
    this.#events = events
    this.#skip = stream.resumedFragment
  }

  next(): boolean {
    this.paused = false
    for (;;) {
      const fragment = this.#fragments[this.#next]
      if (fragment !== undefined) {
        this.#next++
        this.bytes = fragment
        this.start = 0
        this.end = fragment.length
        return true
      }
      const events = this.#events
      const found = events.next()
      this.paused = events.paused === true
      if (!found) return false
      if (events.end - events.start <= documentSizeMax && this.#skip === 0) {
        this.bytes = events.bytes
        this.start = events.start
        this.end = events.end
        return true
      }
      this.#fragments = split(this.#stream.token, events)
      this.#next = this.#skip
      this.#skip = 0
    }
  }

  save(): void {
    this.#events.save()
  }

  close(): void {
    this.#events.close()
  }
}

/** The fields in their order, as many to a fragment as fit. Errors: 7182500 for a field that is too large by itself. */
function split(token: string, { bytes, start }: Events): Uint8Array[] {
  const parts: { start: number; end: number }[] = []
  const walker = new ElementWalker().reset(bytes, start)
  while (walker.next()) {
    if (walker.name() === '_id') continue
    const from = walker.nameStart - 1
    const last = parts.at(-1)
    if (walker.valueEnd - from + fragmentOverhead > documentSizeMax)
      throw new DatabaseError(7182500, `Splitting change event failed: the field '${walker.name()}' is too large`)
    if (last !== undefined && walker.valueEnd - last.start + fragmentOverhead <= documentSizeMax)
      last.end = walker.valueEnd
    else parts.push({ start: from, end: walker.valueEnd })
  }
  return parts.map((part, i) => fragmentOf(token, bytes, part, i + 1, parts.length))
}

function fragmentOf(
  token: string,
  bytes: Uint8Array,
  part: { readonly start: number; readonly end: number },
  fragment: number,
  of: number,
): Uint8Array {
  const writer = new BsonWriter(part.end - part.start + fragmentOverhead)
  writer.beginDocument()
  writer.beginDocument('_id')
  writer.string('_data', tokenText({ ...readToken(token), fragment }))
  writer.end()
  writer.beginDocument('splitEvent')
  writer.int32('fragment', fragment)
  writer.int32('of', of)
  writer.end()
  writer.raw(bytes, part.start, part.end)
  writer.end()
  return writer.finish()
}
