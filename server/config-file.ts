/** Reads the YAML file of `--config` or LAURA_CONFIG and puts it under the variables and flags. */
import { readFile } from 'node:fs/promises'
import { configOf, type Flags, type ServeConfig } from './config.ts'
import { Refusal } from './refusal.ts'

export async function readConfig(
  flags: Flags,
  environment: Readonly<Record<string, string | undefined>>,
  flagPath: string | undefined,
): Promise<ServeConfig> {
  const path = flagPath ?? environment['LAURA_CONFIG']
  return configOf(flags, environment, path === undefined ? undefined : { path, content: await parseFile(path) })
}

async function parseFile(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new Refusal(`cannot read the configuration file ${path}: ${(error as Error).message}`)
  }
  const { parse } = await import('yaml')
  try {
    return parse(text)
  } catch (error) {
    throw new Refusal(`${path} is not YAML: ${(error as Error).message.split('\n')[0]}`)
  }
}
