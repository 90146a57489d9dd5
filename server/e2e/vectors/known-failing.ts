/** The lists of vectors known to fail, one for each profile, in testdata. */
import { readFileSync, writeFileSync } from 'node:fs'
import { type Group, parseKnownFailing } from './ratchet.ts'
import type { Profile } from './replay.ts'

const lists: Readonly<Record<Profile, URL>> = {
  standalone: new URL('testdata/known-failing.txt', import.meta.url),
  'replica set': new URL('testdata/known-failing-replica-set.txt', import.meta.url),
}

export function readKnownFailing(profile: Profile): Group[] {
  return parseKnownFailing(readFileSync(lists[profile], 'utf8'))
}

export function writeKnownFailing(profile: Profile, text: string): void {
  writeFileSync(lists[profile], text)
}
