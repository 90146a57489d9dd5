import { expect, it } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { readText } from './short-text.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Reads bytes in the middle of others, as a document's are. */
function read(text: Uint8Array): string {
  const bytes = new Uint8Array(text.length + 9).fill(0x7a)
  bytes.set(text, 5)
  return readText(bytes, 5, 5 + text.length)
}

it('tells apart all texts of the same few letters, however often they come', () => {
  const texts: string[] = ['']
  for (let at = 0; texts[at]!.length < 9; at++) texts.push(`${texts[at]}a`, `${texts[at]}b`)
  expect(texts).toHaveLength(1023)
  for (const order of [texts, texts.toReversed(), texts]) {
    for (const text of order) expect(read(new TextEncoder().encode(text))).toBe(text)
  }
})

it('reads texts of any length, and what is none, as a decoder of UTF-8 does', () => {
  const random = new SeededRandom(7)
  for (let round = 0; round < 20_000; round++) {
    const wide = random.integer(3) === 0
    const text = new Uint8Array(random.integer(40)).map(() => (wide ? random.integer(256) : 97 + random.integer(3)))
    expect(read(text)).toBe(decoder.decode(text))
  }
  for (const text of ['é', 'Zürich', '日本', '\u{1f600}', '\ufeffa', 'a\0b']) {
    for (let again = 0; again < 2; again++) expect(read(new TextEncoder().encode(text))).toBe(text)
  }
})
