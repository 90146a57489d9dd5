/**
 * The ratchet over the third-party conformance vectors: a list of those known to fail, each group with its reason. A vector outside the list
 * that fails is a regression; one inside that passes must leave the list.
 *
 * The list is text:
 *
 *   # reason of the group that follows
 *   core/operator/query/x/test_x.py::test_x[case]      one vector
 *   core/operator/query/x/test_y.py::*                 every vector of that origin file
 */

export interface Group {
  readonly reason: string
  readonly patterns: readonly string[]
}

export interface Verdict {
  /** Failed, and not on the list: id and why. */
  readonly regressions: readonly string[]
  /** On the list, and passed. */
  readonly improvements: readonly string[]
}

export function parseKnownFailing(text: string): Group[] {
  const groups: { reason: string; patterns: string[] }[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) groups.push({ reason: line.slice(2), patterns: [] })
    else if (line !== '') groups.at(-1)!.patterns.push(line)
  }
  return groups
}

/** `ran`: every vector that was replayed; `failures`: why, by id. */
export function judge(
  groups: readonly Group[],
  ran: readonly string[],
  failures: ReadonlyMap<string, string>,
): Verdict {
  const known = new Set(groups.flatMap((group) => group.patterns))
  const isKnown = (id: string): boolean => known.has(id) || known.has(`${originOf(id)}::*`)
  return {
    regressions: ran.filter((id) => failures.has(id) && !isKnown(id)).map((id) => `${id}: ${failures.get(id)}`),
    improvements: ran.filter((id) => !failures.has(id) && isKnown(id)),
  }
}

/** Why a vector fails, as far as its failure tells; the first that matches. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [
    /\$geo|\$near|2dsphere|'2d'|geoNear|geoWithin|geoIntersects|2d index/i,
    'text and geo indexes are a later part of the roadmap',
  ],
  [/\$text\b|textScore|text index|'text'/i, 'text and geo indexes are a later part of the roadmap'],
  [/transaction|txnNumber|startTransaction|lsid.*replica/i, 'transactions are a later part of the roadmap'],
  [/\$changeStream|resume token/i, 'change streams need no replica set here, so that other errors come first'],
  [/Unrecognized expression|Unknown expression/i, 'an expression operator that is not there yet'],
  [/Unrecognized pipeline stage/i, 'a pipeline stage that is not there yet'],
  [/unknown group operator|accumulator/i, 'an accumulator that is not there yet'],
  [
    /unknown operator|not supported yet|is not supported|not implemented|NotImplemented|238/i,
    'an operator or option that is refused by name for now',
  ],
  [/no such command/i, 'a command that is not there yet'],
  [/timeout|connection closed/i, 'does not answer in time'],
]

export function reasonOf(failure: string): string {
  return reasons.find(([pattern]) => pattern.test(failure))?.[1] ?? 'answers differently; not examined one by one yet'
}

/** The text of the list for these results. */
export function formatKnownFailing(ran: readonly string[], failures: ReadonlyMap<string, string>): string {
  const ranByOrigin = Map.groupBy(ran, originOf)
  const lines = new Map<string, Set<string>>()
  for (const [origin, ids] of ranByOrigin) {
    const failed = ids.filter((id) => failures.has(id))
    const whole = failed.length === ids.length && ids.length > 1
    for (const id of failed) {
      const reason = reasonOf(failures.get(whole ? failed[0]! : id)!)
      const group = lines.get(reason) ?? new Set()
      lines.set(reason, group.add(whole ? `${origin}::*` : id))
    }
  }
  const parts = [...lines].sort(([a], [b]) => (a < b ? -1 : 1))
  return parts.map(([reason, patterns]) => [`# ${reason}`, ...[...patterns].sort(), ''].join('\n')).join('\n')
}

function originOf(id: string): string {
  return id.slice(0, id.indexOf('::'))
}
