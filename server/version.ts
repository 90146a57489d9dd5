import packageJson from '../package.json' with { type: 'json' }

/** LauraDB's own version. */
export const lauraVersion: string = packageJson.version
