/** How far back the database can be read. */
import { type Timestamp, timestampOf } from '../base/timestamp.ts'

/** Versions superseded after this moment are kept: the history window's beginning, whole seconds. */
export function historyStart(nowMs: number, windowMs: number): Timestamp {
  const seconds = Math.floor((nowMs - windowMs) / 1000)
  return timestampOf(Math.max(0, seconds), 0)
}
