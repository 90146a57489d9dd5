/**
 * Writes pkg/collation/tables: what the collations of this Node's ICU are, found by asking Intl.Collator.
 *
 *     node scripts/collation-tables.ts
 *
 * The tables are persistent formats: keys in indexes are made from them. When they change, `keyVersion` in
 * pkg/collation/sort-key.ts must too.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { characters, contractions } from './collation/atoms.ts'
import { encodeTable, type Landmarks, localeNames, type Named, rootNames } from './collation/encode.ts'
import { Collators, type Probed, probe } from './collation/probe.ts'
import { tailored } from './collation/tailored.ts'

const folder = join(import.meta.dirname, '..', 'pkg', 'collation', 'tables')
mkdirSync(folder, { recursive: true })
const atoms = characters()

function examine(collators: Collators, root?: Probed): Probed {
  const probed = probe(collators, [...atoms, ...contractions(collators, atoms)], root)
  if (probed.doubtful.length > 0) console.log(`  in doubt: ${probed.doubtful.join(' ')}`)
  return probed
}

/** The greatest primary weight that a character of the kind has alone, among those before the digits. */
function landmarksOf(probed: Probed): Landmarks {
  const single = (atom: string): number | undefined => {
    const list = probed.elements.get(atom)
    return list?.length === 1 && list[0]!.primary >= 0 ? list[0]!.primary : undefined
  }
  const digit = single('0')!
  const last = (kind: RegExp): number =>
    atoms.reduce((most, atom) => {
      const primary = kind.test(atom) ? single(atom) : undefined
      return primary !== undefined && primary < digit && primary > most ? primary : most
    }, 0)
  const zeros = atoms
    .filter((atom) => /^\p{Nd}$/u.test(atom))
    .map((atom) => atom.codePointAt(0)!)
    .filter(
      (code, i, all) => all[i - 1] !== code - 1 || (code >= 0x1d7ce && code <= 0x1d7ff && (code - 0x1d7ce) % 10 === 0),
    )
  const spaces = single('_')! - 1
  return { primaries: [spaces, last(/^\p{P}$/u), single('\u00a4')! - 1, digit - 1, digit], zeros }
}

function packed(table: Uint8Array): string {
  return deflateRawSync(table, { level: 9 }).toString('base64')
}

const root = examine(new Collators('en'))
const rootNamed: Named = rootNames(root)
const head = '/** Made by scripts/collation-tables.ts; read by weight-table.ts. */\n'
writeFileSync(
  join(folder, 'root.ts'),
  `${head}export const rootTable =\n  '${packed(encodeTable(rootNamed, undefined, landmarksOf(root)))}'\n`,
)

/** A locale that changes nothing has no table; several with the same changes share one. */
const nothing = packed(encodeTable(rootNamed, rootNamed, { primaries: [], zeros: [] }))
const namesByTable = new Map<string, string[]>()
for (const { name, locale, usage } of tailored) {
  const probed = examine(new Collators(locale, usage), root)
  const table = packed(encodeTable(localeNames(probed, root), rootNamed, { primaries: [], zeros: [] }))
  console.log(`${name}: ${table.length} characters`)
  if (table === nothing) continue
  const names = namesByTable.get(table)
  if (names === undefined) namesByTable.set(table, [name])
  else names.push(name)
}
const entries = [...namesByTable].map(([table, names]) => `  ['${names.join(' ')}', '${table}'],\n`)
writeFileSync(
  join(folder, 'tailored.ts'),
  `${head}export const tailoredTables: readonly (readonly [names: string, table: string])[] = [\n${entries.join('')}]\n`,
)
