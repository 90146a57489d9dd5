/** `title` and `description`: they say nothing of values, but must be strings. */
import { stringOperand } from '../operands.ts'
import type { Keyword } from '../schema.ts'

export const annotationKeywords: readonly Keyword[] = ['title', 'description'].map((name) => ({
  name,
  parse: (operand) => {
    stringOperand(name, operand)
    return undefined
  },
}))
