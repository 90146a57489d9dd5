/** What a stage does to the paths of its documents: whether a condition on a path may be checked before the stage instead of after it. */

export interface PathEffects {
  /** Whether the value at `path`, and all that lies under and over it, is after the stage what it was before. */
  keeps(path: string): boolean
}

/** Whether one path is the other or lies within it. */
export function pathsMeet(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`)
}

export const keepsAll: PathEffects = { keeps: () => true }

/** Everything but these paths stays as it is. */
export function changes(paths: readonly string[]): PathEffects {
  return { keeps: (path) => !paths.some((changed) => pathsMeet(path, changed)) }
}

/** Nothing but these paths stays, each as it is. */
export function keepsOnly(paths: readonly string[]): PathEffects {
  return { keeps: (path) => paths.some((kept) => path === kept || path.startsWith(`${kept}.`)) }
}
