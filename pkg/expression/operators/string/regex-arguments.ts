/** The arguments that `$regexFind`, `$regexFindAll` and `$regexMatch` share. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { readUtf8 } from '../../../bson/utf8.ts'
import { readString, type Value } from '../../../bson/value.ts'
import { compileRegex, type Regex, RegexSyntaxError, unfitOption } from '../../../regex/regex.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, type Expression, isNullish } from '../../expression.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** What an operator does with a regular expression and its input; either may be null. */
export type Search = (context: EvaluationContext, regex: Regex | undefined, input: string | undefined) => Value

/**
 * Errors: 51103, 31022..31024 for the arguments, 51104..51106 for their types, 51107 for options in both places, 51108..51110 for
 * unfit options and NULs, 51111 for a pattern that is none. A constant pattern is refused when it is parsed.
 */
export function regexOperator(name: string, makeSearch: () => Search): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const given = namedArguments(name, operand, ['input', 'regex', 'options'], { notDocument: 51103, unknown: 31024 })
      const input = given.required('input', 31022)
      const regex = given.required('regex', 31023)
      const options = given.get('options')
      const operands = [parse(input, scope), parse(regex, scope)]
      if (options !== undefined) operands.push(parse(options, scope))
      return expressionOf(operands)
    },
  }

  function expressionOf(operands: readonly Expression[]): Expression {
    return {
      kind: 'operator',
      name,
      operands,
      foldable: true,
      make: ([inputOf, regexOf, optionsOf]) => evaluation(name, makeSearch(), inputOf!, regexOf!, optionsOf),
    }
  }
}

function evaluation(
  name: string,
  search: Search,
  inputOf: Evaluate,
  regexOf: Evaluate,
  optionsOf: Evaluate | undefined,
): Evaluate {
  const compiler = new RegexCompiler(name)
  return (context) => {
    const input = inputOf(context)
    const regex = compiler.compile(regexOf(context), optionsOf?.(context))
    if (!isNullish(input) && input.type !== bsonType.string) {
      throw new DatabaseError(51104, `${name} needs 'input' to be of type string, found: ${shownType(input)}`)
    }
    return search(context, regex, isNullish(input) ? undefined : readString(input.bytes, input.start))
  }
}

/** Keeps what it compiled last, which mostly is what is asked for next. */
class RegexCompiler {
  readonly #name: string
  #pattern: string | undefined
  #options: string | undefined
  #regex: Regex | undefined

  constructor(name: string) {
    this.#name = name
  }

  /** Undefined when the pattern is null or missing. */
  compile(pattern: Value, options: Value | undefined): Regex | undefined {
    const given = isNullish(pattern) ? undefined : this.#sourceOf(pattern, options)
    const ownOptions = options === undefined || isNullish(options) ? undefined : this.#optionsOf(options)
    if (given === undefined) return undefined
    const flags = ownOptions ?? given.flags
    if (given.pattern !== this.#pattern || flags !== this.#options) {
      this.#regex = this.#compiled(given.pattern, flags)
      this.#pattern = given.pattern
      this.#options = flags
    }
    return this.#regex
  }

  #sourceOf(value: Value, options: Value | undefined): { pattern: string; flags: string } {
    if (value.type === bsonType.string) {
      const pattern = readString(value.bytes, value.start)
      if (pattern.includes('\0')) {
        throw new DatabaseError(51109, `${this.#name}: regular expression cannot contain an embedded null byte`)
      }
      return { pattern, flags: '' }
    }
    if (value.type !== bsonType.regex) {
      throw new DatabaseError(51105, `${this.#name} needs 'regex' to be of type string or regex`)
    }
    const patternEnd = value.bytes.indexOf(0, value.start)
    const flags = readUtf8(value.bytes, patternEnd + 1, value.end - 1)
    if (flags !== '' && options !== undefined && !isNullish(options)) {
      throw new DatabaseError(
        51107,
        `${this.#name}: found regex option(s) specified in both 'regex' and 'option' fields`,
      )
    }
    return { pattern: readUtf8(value.bytes, value.start, patternEnd), flags }
  }

  #optionsOf(value: Value): string {
    if (value.type !== bsonType.string) {
      throw new DatabaseError(51106, `${this.#name} needs 'options' to be of type string`)
    }
    const options = readString(value.bytes, value.start)
    if (options.includes('\0')) {
      throw new DatabaseError(51110, `${this.#name}: regular expression options cannot contain an embedded null byte`)
    }
    return options
  }

  #compiled(pattern: string, options: string): Regex {
    const unfit = unfitOption(options)
    if (unfit !== undefined) throw new DatabaseError(51108, `${this.#name}: invalid flag in regex options: ${unfit}`)
    try {
      return compileRegex(pattern, options)
    } catch (error) {
      if (!(error instanceof RegexSyntaxError)) throw error
      throw new DatabaseError(51111, `Invalid regex in ${this.#name}: ${error.message}`)
    }
  }
}
