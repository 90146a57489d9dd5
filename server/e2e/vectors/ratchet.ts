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

/** The group of what is new on the list: somebody must look at it and say why it fails. */
export const unexamined = 'new on the list: not examined yet'

/**
 * The text of the list for these results. `known`: the list as it was; what is on it keeps its group, and its place there if nothing
 * else fails.
 */
export function formatKnownFailing(
  known: readonly Group[],
  ran: readonly string[],
  failures: ReadonlyMap<string, string>,
): string {
  const reasons = new Map(known.flatMap(({ reason, patterns }) => patterns.map((pattern) => [pattern, reason])))
  const reasonOf = (id: string): string => reasons.get(id) ?? reasons.get(`${originOf(id)}::*`) ?? unexamined
  const lines = new Map(known.map(({ reason }) => [reason, new Set<string>()]))
  for (const [origin, ids] of Map.groupBy(ran, originOf)) {
    const failed = ids.filter((id) => failures.has(id))
    const [first] = new Set(failed.map(reasonOf))
    const whole = failed.length === ids.length && ids.length > 1 && failed.every((id) => reasonOf(id) === first)
    for (const id of failed) {
      const group = lines.get(reasonOf(id)) ?? new Set()
      lines.set(reasonOf(id), group.add(whole ? `${origin}::*` : id))
    }
  }
  const parts = [...lines].filter(([, patterns]) => patterns.size > 0)
  return parts.map(([reason, patterns]) => [`# ${reason}`, ...[...patterns].sort(), ''].join('\n')).join('\n')
}

function originOf(id: string): string {
  return id.slice(0, id.indexOf('::'))
}
