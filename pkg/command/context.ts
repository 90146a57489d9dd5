/** What the commands of one connection share: who is at the other end, and what was agreed with it. */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { getField, readString } from '../bson/value.ts'
import type { Session } from './session.ts'

const metadataSizeMax = 512

export interface ConnectionOptions {
  readonly connectionId: number
  /** `host:port` of the client; empty for the embedded API. */
  readonly remoteAddress: string
  /** `host:port` of our end. */
  readonly localAddress?: string
  /** Not a driver's connection but one of the doors of our own, where transactions and retryable writes need no replica set. */
  readonly ownDoor?: boolean
  /** Called once, when the client's hello has named the compressors both sides know, in the client's order. */
  readonly onCompressors?: (names: readonly string[]) => void
}

export class ConnectionContext {
  readonly connectionId: number
  readonly remoteAddress: string
  readonly localAddress: string
  readonly ownDoor: boolean
  /** `hello.client`, kept for currentOp. */
  clientMetadata: Uint8Array | undefined
  /** Whether a hello was handled: afterwards the client's metadata cannot change. */
  greeted = false
  /** The compressors both sides know, in the client's order. */
  compressors: readonly string[] = []
  /** The session used last, to be found again without a search. */
  lastSession: Session | undefined
  closed = false
  /** Closes the transport under the connection at once; set by a door that has one. */
  drop: (() => void) | undefined
  readonly #onCompressors: ((names: readonly string[]) => void) | undefined
  readonly #onClose: (() => void)[] = []

  constructor(options: ConnectionOptions) {
    this.connectionId = options.connectionId
    this.remoteAddress = options.remoteAddress
    this.localAddress = options.localAddress ?? ''
    this.ownDoor = options.ownDoor ?? false
    this.#onCompressors = options.onCompressors
  }

  /** The name the application gave itself, for currentOp. */
  get applicationName(): string | undefined {
    if (this.clientMetadata === undefined) return undefined
    const application = getField(this.clientMetadata, 'application')
    if (application === undefined) return undefined
    const name = getField(application.bytes, 'name', application.start)
    return name === undefined ? undefined : readString(name.bytes, name.start)
  }

  /** Keeps the metadata of a client's first hello; a second one is refused. */
  introduce(metadata: Uint8Array): void {
    if (this.clientMetadata !== undefined || this.greeted)
      throw new DatabaseError(
        'ClientMetadataCannotBeMutated',
        'The client metadata document may only be sent in the first hello',
      )
    this.clientMetadata = checkedMetadata(metadata)
  }

  agreeOnCompressors(names: readonly string[]): void {
    this.compressors = names
    this.#onCompressors?.(names)
  }

  /** Runs `action` when the connection closes. */
  onClose(action: () => void): void {
    this.#onClose.push(action)
  }

  /** The connection is gone. Its cursors live on until they time out, as MongoDB has it; its operations are interrupted. */
  close(): void {
    if (this.closed) return
    this.closed = true
    for (const action of this.#onClose) action()
  }
}

function checkedMetadata(metadata: Uint8Array): Uint8Array {
  if (metadata.length > metadataSizeMax)
    throw new DatabaseError(
      'ClientMetadataDocumentTooLarge',
      `The client metadata document must be less then or equal to ${metadataSizeMax} bytes`,
    )
  const application = getField(metadata, 'application')
  if (application !== undefined) {
    if (application.type !== bsonType.document) throw wrongMetadata('application', application.type, 'object')
    const name = getField(application.bytes, 'name', application.start)
    if (name !== undefined) {
      if (name.type !== bsonType.string) throw wrongMetadata('application.name', name.type, 'string')
      if (name.end - name.start - 5 > 128)
        throw new DatabaseError(
          'ClientMetadataAppNameTooLarge',
          `The 'application.name' field in the client metadata must be less then or equal to 128 bytes`,
        )
    }
  }
  requireString(metadata, 'driver', 'name')
  requireString(metadata, 'driver', 'version')
  requireString(metadata, 'os', 'type')
  return metadata.slice()
}

function wrongMetadata(field: string, type: number, expected: string): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `The '${field}' field is required to be a BSON ${expected} in the client metadata document, but is ${typeAlias(type)}`,
  )
}

function requireString(metadata: Uint8Array, part: string, field: string): void {
  const holder = getField(metadata, part)
  if (holder === undefined)
    throw new DatabaseError(
      'ClientMetadataMissingField',
      `Missing required sub-document '${part}' in the client metadata document`,
    )
  if (holder.type !== bsonType.document) throw wrongMetadata(part, holder.type, 'object')
  const value = getField(holder.bytes, field, holder.start)
  if (value === undefined)
    throw new DatabaseError(
      'ClientMetadataMissingField',
      `Missing required field '${part}.${field}' in the client metadata document`,
    )
  if (value.type !== bsonType.string) throw wrongMetadata(`${part}.${field}`, value.type, 'string')
}

/** The context of requests that come from inside: the embedded API and the server itself. */
export function localContext(applicationName: string): ConnectionContext {
  const context = new ConnectionContext({ connectionId: 0, remoteAddress: '' })
  context.clientMetadata = buildDocument({ application: { name: applicationName } })
  context.greeted = true
  return context
}
