/** The locales whose tables are made: the name of each table, and what Intl.Collator calls it. */
export interface Tailored {
  readonly name: string
  readonly locale: string
  readonly usage: 'sort' | 'search'
}

const languages =
  'af am ar as az be bg bn bo br bs ca ceb chr cs cy da de dsb dz ee el eo es et fa ff fi fil fo fr fy ga gl gu ha haw he hi hr hsb hu hy ' +
  'id ig is it ja ka kk kl km kn ko kok ku ky lb lkt ln lo lt lv mk ml mn mr ms mt my nb nl no nso om or pa pl ps pt ro ru sa se sh si sk sl ' +
  'smn sq sr st sv sw ta te th tk tn to tr ug uk ur uz vi wae wo xh yi yo zu'

const sort = (name: string, locale: string): Tailored => ({ name, locale, usage: 'sort' })

export const tailored: readonly Tailored[] = [
  sort('root-eor', 'en-u-co-eor'),
  sort('root-emoji', 'en-u-co-emoji'),
  { name: 'root-search', locale: 'en', usage: 'search' },
  ...languages.split(' ').map((language) => sort(`${language}-standard`, language)),
  sort('bs_Cyrl-standard', 'bs-Cyrl'),
  sort('ff_Adlm-standard', 'ff-Adlm'),
  sort('sr_Latn-standard', 'sr-Latn'),
  sort('uz_Arab-standard', 'uz-Arab'),
  sort('uz_Cyrl-standard', 'uz-Cyrl'),
  sort('bn-traditional', 'bn-u-co-trad'),
  sort('de-phonebook', 'de-u-co-phonebk'),
  sort('de_AT-phonebook', 'de-AT-u-co-phonebk'),
  sort('es-traditional', 'es-u-co-trad'),
  sort('fi-traditional', 'fi-u-co-trad'),
  sort('ja-unihan', 'ja-u-co-unihan'),
  sort('kn-traditional', 'kn-u-co-trad'),
  sort('ko-unihan', 'ko-u-co-unihan'),
  sort('ln-phonetic', 'ln-u-co-phonetic'),
  sort('sa-traditional', 'sa-u-co-trad'),
  sort('si-dictionary', 'si-u-co-dict'),
  sort('sv-traditional', 'sv-u-co-trad'),
  sort('vi-traditional', 'vi-u-co-trad'),
  sort('zh-pinyin', 'zh-u-co-pinyin'),
  sort('zh-stroke', 'zh-u-co-stroke'),
  sort('zh-unihan', 'zh-u-co-unihan'),
  sort('zh-zhuyin', 'zh-u-co-zhuyin'),
  ...[
    'ar',
    'az',
    'bs',
    'cs',
    'da',
    'de',
    'es',
    'fa',
    'fi',
    'fo',
    'he',
    'hr',
    'is',
    'kl',
    'ko',
    'nb',
    'se',
    'sk',
    'smn',
    'sv',
    'th',
    'tr',
    'yi',
  ].map((language): Tailored => ({ name: `${language}-search`, locale: language, usage: 'search' })),
]
