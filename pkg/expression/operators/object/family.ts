/** The operators on documents. */
import type { Operator } from '../operator.ts'
import { getField } from './get-field.ts'
import { mergeObjects } from './merge-objects.ts'
import { setField, unsetField } from './set-field.ts'

export const objectOperators: readonly Operator[] = [getField, mergeObjects, setField, unsetField]
