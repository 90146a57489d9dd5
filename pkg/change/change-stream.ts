/**
 * One change stream: the events of a collection, a database or all of them, from a place in the log on, for as long as somebody
 * asks. A pull source of documents like any other (`next`, `paused`, `save`, `close`), which at its end waits for more.
 *
 * INVARIANTS
 *  (1) It gives an event only when the entry that made it is durable, and every event of its scope exactly once, in the order of the log.
 *  (2) `position` is passed: whoever resumes from it gets what this stream has not given yet, and nothing else.
 */
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { LogCursor } from '../storage/log-cursor.ts'
import { historyLost } from '../storage/log-cursor.ts'
import { type LogEntry, wholePayload } from '../storage/log-reader.ts'
import { type Change, ChangeEntry, isSame, type Namespace } from './change.ts'
import { buildEvent, buildInvalidate, type EventShape, hasPostImage, keyRange, tokenOf } from './change-event.ts'
import type { ChangeFeed } from './change-feed.ts'
import { EntryParts } from './entry-parts.ts'
import { highWaterMark, type ResumeToken, tokenDocument, tokenKind, tokenText } from './resume-token.ts'

export type FullDocument = 'default' | 'updateLookup' | 'whenAvailable' | 'required'
export type FullDocumentBeforeChange = 'off' | 'whenAvailable' | 'required'

/** Whose events: with both undefined, everybody's. */
export interface ChangeScope {
  readonly database: string | undefined
  readonly collection: string | undefined
}

export type ChangeStart =
  | { readonly kind: 'now' }
  | { readonly kind: 'time'; readonly timestamp: Timestamp }
  /** `after`: an invalidate event may be gone on from. */
  | { readonly kind: 'token'; readonly token: ResumeToken; readonly after: boolean }

export interface ChangeStreamOptions {
  readonly scope: ChangeScope
  readonly start: ChangeStart
  readonly fullDocument: FullDocument
  readonly fullDocumentBeforeChange: FullDocumentBeforeChange
  readonly expanded: boolean
  /** Collections whose names begin with `system.`, too. */
  readonly system: boolean
}

const expandedOnly: ReadonlySet<string> = new Set(['create', 'createIndexes', 'dropIndexes', 'modify'])
const noBytes = new Uint8Array(0)
const internalDatabases: ReadonlySet<string> = new Set(['admin', 'config', 'local'])
/** Frames of the log looked at, and changes passed over, before others get their turn. */
const framesPerSlice = 256
const stepsPerLook = 64
/** Of an entry that is read part by part, so much is checked before others get their turn. */
const checkBytesPerSlice = 2 * 1024 * 1024

export class ChangeStream {
  readonly #feed: ChangeFeed
  readonly #options: ChangeStreamOptions
  readonly #shape: EventShape
  readonly #shapeKey: number
  readonly #due: () => boolean
  readonly #own: Namespace
  /** The entry that is being gone through, or comes next. */
  #index: LogIndex
  #entry: ChangeEntry | undefined
  /** Of the changes of `#entry`. */
  #next = 0
  /** The parts of the entry at `#index` that come after `#entry`, which is one of them. */
  #parts: EntryParts | undefined
  #cursor: LogCursor | undefined
  /** What was given last ends the stream: its invalidate event comes next. */
  #ending: Change | undefined
  /** Where it resumes: events up to it are passed over, and it must be met. */
  #resume: ResumeToken | undefined
  /** Entries before this time are passed over. */
  #since: Timestamp
  #passed: ResumeToken
  #closed = false
  #steps = 0
  /** Nothing more will come: the invalidate event was given. */
  finished = false
  /** Everything durable was given. */
  waiting = false
  paused = false
  bytes: Uint8Array = new Uint8Array(0)
  readonly start = 0
  end = 0
  /** The token of the event given last, as text. */
  token = ''
  /** A document was looked up: what was given is durable once the log is up to here. */
  needsDurable = 0 as LogIndex

  /**
   * `due`: others should run. Throws ChangeStreamHistoryLost when the log does not reach back to the start, InvalidResumeToken when
   * the token is an invalidate event's and `after` is not set.
   */
  constructor(feed: ChangeFeed, options: ChangeStreamOptions, due: () => boolean) {
    this.#feed = feed
    this.#options = options
    this.#due = due
    this.#own = { database: options.scope.database ?? '', name: options.scope.collection ?? '' }
    const { fullDocument, fullDocumentBeforeChange, expanded } = options
    this.#shape = {
      expanded,
      postImage: fullDocument === 'whenAvailable' || fullDocument === 'required',
      preImage: fullDocumentBeforeChange !== 'off',
    }
    this.#shapeKey = Number(expanded) + 2 * Number(this.#shape.postImage) + 4 * Number(this.#shape.preImage)
    const { engine } = feed
    engine.keepChangeHistory()
    const from = this.#place()
    this.#index = from.index
    this.#since = from.since
    this.#passed = from.passed
    feed.enter()
  }

  /** Where it begins. `since`: entries up to this time have been passed, but for the one that is resumed in. */
  #place(): { index: LogIndex; since: Timestamp; passed: ResumeToken } {
    const { engine } = this.#feed
    const { start } = this.#options
    if (start.kind === 'now') {
      const { lastSeenIndex: lastIndex, lastTimestamp } = engine
      return {
        index: (lastIndex + 1) as LogIndex,
        since: lastTimestamp,
        passed: highWaterMark(lastTimestamp, lastIndex),
      }
    }
    if (start.kind === 'time') {
      const before = (start.timestamp - 1) as Timestamp
      const index = this.#near(before)
      return { index, since: before, passed: highWaterMark(before, (index - 1) as LogIndex) }
    }
    const { token, after } = start
    if (token.kind === tokenKind.invalidate && !after)
      throw new DatabaseError(
        'InvalidResumeToken',
        `Attempting to resume a change stream using 'resumeAfter' is not allowed from an invalidate notification.`,
      )
    const isMark = token.kind === tokenKind.passed
    const first = isMark ? token.index + 1 : token.index
    if (first < engine.oldestChange) throw historyLost()
    // A log that was made anew does not know the index; the time still holds.
    const index = first > engine.lastIndex + 1 ? this.#near(token.timestamp) : (first as LogIndex)
    if (!isMark) this.#resume = token
    return { index, since: (isMark ? token.timestamp : token.timestamp - 1) as Timestamp, passed: token }
  }

  /** The place from which to look for what comes after `timestamp`. */
  #near(timestamp: Timestamp): LogIndex {
    const { engine } = this.#feed
    const { oldestChange } = engine
    const index = Math.max(engine.firstEntryNear(timestamp), oldestChange) as LogIndex
    if (index > oldestChange || oldestChange === 1) return index
    const cursor = engine.readLog(index)
    const entry = cursor.next()
    cursor.close()
    if (entry !== undefined && entry.timestamp > timestamp + 1) throw historyLost()
    return index
  }

  /** How many parts of the event given first had been given before; 0: it is resumed after an event, or not at all. */
  get resumedFragment(): number {
    const { start } = this.#options
    return start.kind === 'token' ? start.token.fragment : 0
  }

  /** `{_data}`: resuming from it gives what comes after everything that was given or passed over. */
  get position(): Uint8Array {
    return tokenDocument(this.#passed)
  }

  /** Whether there is something to look at. */
  get hasMore(): boolean {
    return this.#closed || this.#entry !== undefined || this.#index <= this.#feed.engine.durableIndex
  }

  /** Calls `wake` once, when there may be more; the answer takes it back. */
  wait(wake: () => void): () => void {
    return this.#feed.wait(wake)
  }

  /** See `Rows` of pipelines; false and `paused` also while it waits: `waiting` tells. */
  next(): boolean {
    this.paused = false
    this.waiting = false
    if (this.finished || this.#closed) return false
    for (;;) {
      if (this.#ending !== undefined) return this.#invalidate(this.#ending)
      const entry = this.#entry ?? this.#advance()
      if (entry === undefined) {
        this.paused = true
        return false
      }
      const { changes } = entry
      while (this.#next < changes.length && this.#ending === undefined) {
        const change = changes[this.#next++]!
        if (this.#isPassed(entry, change) || !this.#isShown(change)) {
          if (this.#isDue()) return false
          continue
        }
        if (this.#endsWith(change)) this.#ending = change
        return this.#give(this.#event(entry, change), tokenOf(entry, change))
      }
      if (this.#ending !== undefined) continue
      this.#leaveEntry(entry)
      if (this.#isDue()) return false
    }
  }

  save(): void {
    // What it holds of the log stays valid.
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cursor?.close()
    this.#cursor = undefined
    this.#entry = undefined
    this.#parts = undefined
    this.#feed.leave()
  }

  #isDue(): boolean {
    if (++this.#steps % stepsPerLook !== 0 || !this.#due()) return false
    this.paused = true
    return true
  }

  #give(event: Uint8Array, token: ResumeToken): boolean {
    this.bytes = event
    this.end = event.length
    this.#passed = token
    this.token = tokenText(token)
    return true
  }

  #leaveEntry(entry: ChangeEntry): void {
    this.#entry = undefined
    this.#next = 0
    if (entry.part?.isLast === false) return
    this.#parts = undefined
    this.#index = (entry.index + 1) as LogIndex
    if (entry.timestamp > this.#since) this.#passed = highWaterMark(entry.timestamp, entry.index)
  }

  /** The next entry after `#since`; undefined: none yet, or others should run. */
  #advance(): ChangeEntry | undefined {
    if (this.#parts !== undefined) return this.#nextPart()
    for (let frames = 0; ; frames++) {
      const entry = this.#feed.recent(this.#index) ?? this.#read()
      if (entry === undefined) {
        this.waiting = this.#index > this.#feed.engine.durableIndex
        return undefined
      }
      if (entry.timestamp > this.#since) {
        this.#entry = entry
        return entry
      }
      this.#index = (entry.index + 1) as LogIndex
      if (frames === framesPerSlice) return undefined
    }
  }

  #read(): ChangeEntry | undefined {
    if (this.#index > this.#feed.engine.durableIndex) {
      this.#cursor?.close()
      this.#cursor = undefined
      return undefined
    }
    if (this.#cursor?.nextIndex !== this.#index) {
      this.#cursor?.close()
      this.#cursor = this.#feed.engine.readLog(this.#index)
    }
    let entry: LogEntry | undefined
    do entry = this.#cursor.next(framesPerSlice, checkBytesPerSlice)
    while (entry === undefined && !this.#due())
    if (entry === undefined) return undefined
    const { index, timestamp, source } = entry
    if (source === undefined || timestamp <= this.#since)
      return new ChangeEntry(index, timestamp, source === undefined ? wholePayload(entry) : noBytes)
    this.#parts = new EntryParts({ index, timestamp }, source)
    return this.#nextPart()
  }

  /** Undefined: it needs more looks at the entry. */
  #nextPart(): ChangeEntry | undefined {
    // What it has not been given yet may have been removed from the log.
    if (this.#index < this.#feed.engine.oldestChange) throw historyLost()
    const parts = this.#parts!
    let part = parts.next()
    while (part === undefined && !this.#due()) part = parts.next()
    if (part !== undefined) this.#entry = part
    return part
  }

  /**
   * Whether the change lies before or at the place where the stream resumes. The event there must be one that the stream shows: when
   * another one comes first, the token was none of its own.
   */
  #isPassed(entry: ChangeEntry, change: Change): boolean {
    const resume = this.#resume
    if (resume === undefined) return false
    const isThere = entry.timestamp === resume.timestamp
    if ((isThere && change.number < resume.number) || !this.#isShown(change)) return true
    if (!isThere || change.number > resume.number) throw this.#notFound(resume)
    this.#resume = undefined
    // What ends the stream still ends it, unless it was gone on from after that.
    if (resume.kind === tokenKind.event && this.#endsWith(change)) this.#ending = change
    // Within an event that was split: it comes again, for those of its parts that have not been given.
    return resume.fragment === 0
  }

  #notFound(token: ResumeToken): DatabaseError {
    return fatal(`cannot resume stream; the resume token was not found. {_data: "${tokenText(token)}"}`)
  }

  #isShown(change: Change): boolean {
    const { scope, expanded, system } = this.#options
    const { type, namespace, to } = change
    if (!expanded && (expandedOnly.has(type) || change.isView)) return false
    if (scope.collection !== undefined) {
      if (type === 'dropDatabase') return namespace.database === scope.database
      return isSame(namespace, this.#own) || (to !== undefined && isSame(to, this.#own))
    }
    if (scope.database === undefined) return isVisible(namespace, system) && !internalDatabases.has(namespace.database)
    return (
      (namespace.database === scope.database && isVisible(namespace, system)) ||
      (to?.database === scope.database && isVisible(to, system))
    )
  }

  /** Whether what the stream watches is gone with the change. */
  #endsWith({ type }: Change): boolean {
    const { database, collection } = this.#options.scope
    if (database === undefined) return false
    return type === 'dropDatabase' || (collection !== undefined && (type === 'drop' || type === 'rename'))
  }

  #invalidate(change: Change): boolean {
    const entry = this.#entry!
    this.finished = true
    return this.#give(buildInvalidate(entry, change), { ...tokenOf(entry, change), kind: tokenKind.invalidate })
  }

  #event(entry: ChangeEntry, change: Change): Uint8Array {
    const { fullDocument, fullDocumentBeforeChange } = this.#options
    const { type } = change
    if (fullDocument === 'required' && !hasPostImage(change)) throw noImage('post', entry, change)
    const hasBefore = type === 'update' || type === 'replace' || type === 'delete'
    if (fullDocumentBeforeChange === 'required' && hasBefore && change.preImage === undefined)
      throw noImage('pre', entry, change)
    if (fullDocument === 'updateLookup' && type === 'update')
      return buildEvent(entry, change, this.#shape, this.#lookUp(entry, change))
    let built = entry.built.get(this.#shapeKey)
    if (built === undefined) {
      built = new Map()
      entry.built.set(this.#shapeKey, built)
    }
    let event = built.get(change.number)
    if (event === undefined) {
      event = buildEvent(entry, change, this.#shape, undefined)
      built.set(change.number, event)
    }
    return event
  }

  #lookUp(entry: ChangeEntry, change: Change): Uint8Array | null {
    const { start } = keyRange(entry, change)!
    // `_id` and its NUL.
    this.needsDurable = this.#feed.engine.lastIndex
    return this.#feed.lookUp(change.collectionId, entry.bytes[start]!, entry.bytes, start + 5)
  }
}

function isVisible({ name }: Namespace, system: boolean): boolean {
  return system || !name.startsWith('system.')
}

/** An error after which a client need not try to resume. */
export function fatal(message: string): DatabaseError {
  return new DatabaseError('ChangeStreamFatalError', message, {}, ['NonResumableChangeStreamError'])
}

function noImage(which: 'pre' | 'post', entry: ChangeEntry, change: Change): DatabaseError {
  const option = which === 'pre' ? 'fullDocumentBeforeChange' : 'fullDocument'
  return new DatabaseError(
    'NoMatchingDocument',
    `Change stream was configured to require a ${which}-image for all update${which === 'pre' ? ', delete and replace' : ''} events, but the ${which}-image was not found for event: {_id: {_data: "${tokenText(tokenOf(entry, change))}"}, operationType: "${change.type}"} (${option}: 'required')`,
    {},
    ['NonResumableChangeStreamError'],
  )
}
