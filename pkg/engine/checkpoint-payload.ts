/** What a checkpoint says beside its pages. */
import type { LogIndex, PageId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'

/**
 * The checkpoint's payload: next collection id u32 | root of the session records u32, 0 for none | first entry of the change history, a
 * double, 0 for none | since when all versions are there, a double. Older ones are shorter.
 */
export function writePayload(
  nextCollectionId: number,
  sessionRoot: PageId | undefined,
  historyFrom: LogIndex,
  keptSince: Timestamp,
): Uint8Array {
  const payload = new Uint8Array(24)
  const view = new DataView(payload.buffer)
  view.setUint32(0, nextCollectionId, true)
  view.setUint32(4, sessionRoot ?? 0, true)
  view.setFloat64(8, historyFrom, true)
  view.setFloat64(16, keptSince, true)
  return payload
}

export function readPayload(payload: Uint8Array): {
  readonly nextCollectionId: number
  readonly sessionRoot: PageId | undefined
  readonly historyFrom: LogIndex
  readonly keptSince: Timestamp | undefined
} {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const root = payload.length < 8 ? 0 : view.getUint32(4, true)
  return {
    nextCollectionId: payload.length < 4 ? 1 : view.getUint32(0, true),
    sessionRoot: root === 0 ? undefined : (root as PageId),
    historyFrom: (payload.length < 16 ? 0 : view.getFloat64(8, true)) as LogIndex,
    keptSince: payload.length < 24 ? undefined : (view.getFloat64(16, true) as Timestamp),
  }
}
