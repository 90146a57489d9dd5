/** What `laura` can be told: the commands, their flags, and how a failure is shown. The work itself is loaded when it is asked for. */
import { Argument, Command, Option } from 'commander'
import { version } from '../pkg/base/version.ts'
import { type Flags, settings } from './config.ts'

/** Runs `argv` (as in `process.argv`); sets the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync([...argv])
  } catch (error) {
    const { explain } = await import('./explain.ts')
    process.stderr.write(`${explain(error)}\n`)
    process.exitCode = 1
  }
}

function program(): Command {
  const root = new Command('laura').description('LauraDB: a document database').version(version, '-v, --version')
  root.addCommand(serveCommand())
  root.addCommand(checkCommand())
  root.addCommand(importCommand())
  root.addCommand(exportCommand())
  root
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`laura ${version} (node ${process.versions.node})\n`)
    })
  return root
}

function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the server')
    .option('--config <file>', 'YAML file with these settings, by the names of the flags; also LAURA_CONFIG')
  const options = Object.values(settings).map((setting) => {
    const shown = 'shownDefault' in setting ? setting.shownDefault : String(setting.default)
    const about = shown === '' || !('value' in setting) ? setting.about : `${setting.about} (default: ${shown})`
    const option = new Option(
      'value' in setting ? `--${setting.name} <${setting.value}>` : `--${setting.name} [yes]`,
      about,
    )
    option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text])
    command.addOption(option)
    return { name: setting.name, attribute: option.attributeName() }
  })
  return command
    .addHelpText(
      'after',
      '\nEvery flag is also a variable (LAURA_CACHE_SIZE) and a key of the file (cache-size: 256MB).',
    )
    .action(async () => {
      const flags = new Map<string, readonly string[]>()
      for (const { name, attribute } of options) {
        const given: unknown = command.getOptionValue(attribute)
        if (given === true) flags.set(name, ['true'])
        else if (given !== undefined) flags.set(name, given as string[])
      }
      const { readConfig } = await import('./config-file.ts')
      const config = await readConfig(
        flags satisfies Flags,
        process.env,
        command.getOptionValue('config') as string | undefined,
      )
      const { serve } = await import('./serve.ts')
      await serve(config)
    })
}

function checkCommand(): Command {
  return new Command('check')
    .description('check every page, index and document of a data directory that no server has open')
    .argument('<directory>')
    .action(async (directory: string) => {
      const { checkDirectory } = await import('./tools/check.ts')
      process.exitCode = await checkDirectory(directory)
    })
}

/** What import and export share: where the data is, and which collection. */
function transferCommand(name: string): Command {
  return new Command(name)
    .option('--dir <directory>', 'data directory that no server has open')
    .option('--uri <uri>', 'running server, mongodb://host:port')
    .requiredOption('--db <name>', 'database')
    .option('--collection <name>', 'collection')
}

function importCommand(): Command {
  return transferCommand('import')
    .description('read documents from a file, a mongodump folder or stdin (-) into a collection')
    .addOption(
      new Option('--type <type>', 'what the file holds (default: found out)').choices([
        'json',
        'ndjson',
        'csv',
        'bson',
      ]),
    )
    .addOption(
      new Option('--mode <mode>', 'what happens to a document whose _id is there')
        .choices(['insert', 'upsert'])
        .default('insert'),
    )
    .option('--drop', 'drop the collection first', false)
    .option(
      '--columns-have-types',
      'the CSV header gives types: name.string(),age.int32(),born.date(2006-01-02)',
      false,
    )
    .option('--stop-on-error', 'stop at the first document that cannot be read or written', false)
    .addArgument(new Argument('<file>', 'file, folder of a dump, or - for stdin'))
    .action(async (file: string, options: object) => {
      const { importFile } = await import('./tools/import.ts')
      process.exitCode = await importFile(file, options as Parameters<typeof importFile>[1])
    })
}

function exportCommand(): Command {
  return transferCommand('export')
    .description('write the documents of a collection to a file or stdout (-)')
    .addOption(
      new Option('--type <type>', 'what to write (default: by the name of the file, else ndjson)').choices([
        'json',
        'ndjson',
        'csv',
        'bson',
      ]),
    )
    .addOption(
      new Option('--json-format <format>', 'extended JSON: canonical keeps every type')
        .choices(['relaxed', 'canonical'])
        .default('relaxed'),
    )
    .option('--query <json>', 'filter, as extended JSON')
    .option('--sort <json>', 'order, as extended JSON')
    .option('--limit <count>', 'most documents')
    .option('--fields <names>', 'fields to keep, comma separated; the columns of a CSV file')
    .addArgument(new Argument('[file]', 'file, or - for stdout').default('-'))
    .action(async (file: string, options: object) => {
      const { exportFile } = await import('./tools/export.ts')
      process.exitCode = await exportFile(file, options as Parameters<typeof exportFile>[1])
    })
}
