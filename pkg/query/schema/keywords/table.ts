/** Every keyword of `$jsonSchema`, in the order in which broken rules are told. */
import type { Keyword } from '../schema.ts'
import { annotationKeywords } from './annotation.ts'
import { arrayKeywords } from './array.ts'
import { dependenciesKeyword } from './dependencies.ts'
import { logicalKeywords } from './logical.ts'
import { numberKeywords } from './number.ts'
import { objectKeywords } from './object.ts'
import { stringKeywords } from './string.ts'
import { typeKeywords } from './type.ts'

export const keywords: ReadonlyMap<string, Keyword> = new Map(
  [
    ...annotationKeywords,
    ...numberKeywords,
    ...stringKeywords,
    ...arrayKeywords,
    ...objectKeywords,
    dependenciesKeyword,
    ...logicalKeywords,
    ...typeKeywords,
  ].map((keyword) => [keyword.name, keyword]),
)
