/**
 * The locales there are, the tables of those that order letters otherwise than the root does, and what they say of the options.
 */
import type { CollationOptions } from './options.ts'
import { rootTable as rootData } from './tables/root.ts'
import { tailoredTables } from './tables/tailored.ts'
import { WeightTable } from './weight-table.ts'

export interface Locale {
  /** Built when it is first asked for. */
  readonly table: () => WeightTable
  readonly defaults: Partial<CollationOptions>
}

/** Languages that have collations; those that no table is for have the root's order. */
const languages: ReadonlySet<string> = new Set(
  (
    'af am ar as az be bg bn bo br bs ca ceb chr cs cy da de dsb dz ee el en eo es et eu fa ff fi fil fo fr fy ga gl gu ha haw he hi hr hsb ' +
    'hu hy id ig is it ja ka kk kl km kn ko kok ku ky lb lkt ln lo lt lv mk ml mn mr ms mt my nb ne nl nn no nso om or pa pl ps pt ro ru sa ' +
    'se sh si sk sl smn sq sr st sv sw ta te th tk tn to tr ug uk ur uz vi wae wo xh yi yo yue zh zu'
  ).split(' '),
)

const scripts: Readonly<Record<string, readonly string[]>> = {
  az: ['Latn'],
  bs: ['Cyrl', 'Latn'],
  ff: ['Adlm'],
  ha: ['Latn'],
  mn: ['Cyrl'],
  pa: ['Arab', 'Guru'],
  sr: ['Cyrl', 'Latn'],
  uz: ['Arab', 'Cyrl', 'Latn'],
  yue: ['Hans', 'Hant'],
  zh: ['Hans', 'Hant'],
}

/** Besides `standard`, which each has; those that every locale has are in `everywhere`. */
const variants: Readonly<Record<string, readonly string[]>> = {
  bn: ['traditional'],
  de: ['phonebook'],
  es: ['traditional'],
  fi: ['traditional'],
  ja: ['unihan'],
  kn: ['traditional'],
  ko: ['searchjl', 'unihan'],
  ln: ['phonetic'],
  sa: ['traditional'],
  si: ['dictionary'],
  sv: ['traditional'],
  vi: ['traditional'],
  yue: ['pinyin', 'stroke', 'unihan', 'zhuyin'],
  zh: ['pinyin', 'stroke', 'unihan', 'zhuyin'],
}
const everywhere: readonly string[] = ['standard', 'search', 'eor', 'emoji']

const defaultsOf: Readonly<Record<string, Partial<CollationOptions>>> = {
  da: { caseFirst: 'upper' },
  fr_CA: { backwards: true },
  mt: { caseFirst: 'upper' },
  th: { alternate: 'shifted', normalization: true },
  vi: { normalization: true },
}

const shape = /^([a-z]{2,3})(?:_([A-Z][a-z]{3}))?(?:_([A-Z]{2}|\d{3}))?(?:_POSIX)?(?:@collation=([a-z0-9]+))?$/

/** The locale of ICU's name, such as `sv`, `fr_CA`, `zh_Hant` or `de@collation=phonebook`; undefined: there is none. */
export function findLocale(name: string): Locale | undefined {
  if (name === 'root') return { table: root, defaults: {} }
  const match = shape.exec(name)
  if (match === null) return undefined
  const [, language, script, region, variant] = match
  if (language === undefined || !languages.has(language)) return undefined
  if (script !== undefined && !(scripts[language] ?? []).includes(script)) return undefined
  if (variant !== undefined && !everywhere.includes(variant) && !(variants[language] ?? []).includes(variant)) {
    return undefined
  }
  const chinese = language === 'zh' || language === 'yue'
  const traditional =
    script === 'Hant' || (script === undefined && (region === 'TW' || region === 'HK' || region === 'MO'))
  const kind =
    variant ?? (chinese ? (traditional || (language === 'yue' && script !== 'Hans') ? 'stroke' : 'pinyin') : 'standard')
  const base = `${language}${script === undefined ? '' : `_${script}`}`
  const names = [
    `${base}${region === undefined ? '' : `_${region}`}-${kind}`,
    `${base}-${kind}`,
    `${language}-${kind}`,
    `${chinese ? 'zh' : language}-${kind}`,
    ...(kind === 'standard' || kind === 'search' ? [`root-${kind}`, `${language}-standard`] : [`root-${kind}`]),
  ]
  const found = names.find((candidate) => tableNames.has(candidate))
  return {
    table: () => (found === undefined ? root() : tailored(found)),
    defaults: { ...defaultsOf[language], ...(region === undefined ? {} : defaultsOf[`${language}_${region}`]) },
  }
}

const tableNames: ReadonlyMap<string, string> = new Map(
  tailoredTables.flatMap(([names, table]) => names.split(' ').map((name) => [name, table] as const)),
)

let rootTable: WeightTable | undefined
const tables = new Map<string, WeightTable>()

function root(): WeightTable {
  rootTable ??= new WeightTable(rootData)
  return rootTable
}

function tailored(name: string): WeightTable {
  let table = tables.get(name)
  if (table === undefined) {
    table = new WeightTable(tableNames.get(name)!, root())
    tables.set(name, table)
  }
  return table
}
