/** Accounts and transfers between them: two reads and two updates, all or nothing. */
import { DatabaseSync } from 'node:sqlite'
import type { open } from '../../pkg/lauradb.ts'

export const accountCount = 10_000

export interface Account {
  _id: number
  balance: number
}

export type Laura = Awaited<ReturnType<typeof open>>

export function newAccounts(): Account[] {
  return Array.from({ length: accountCount }, (_, _id) => ({ _id, balance: 1000 }))
}

/** The accounts of transfer `n`. */
export function pairOf(n: number): [from: number, to: number] {
  const from = (n * 48271) % accountCount
  return [from, (from + 1 + (n % 97)) % accountCount]
}

export async function transfer(laura: Laura, n: number): Promise<void> {
  const [from, to] = pairOf(n)
  await laura.transaction(async (session) => {
    const collection = session.db('bank').collection<Account>('accounts')
    const source = await collection.findOne({ _id: from })
    const target = await collection.findOne({ _id: to })
    await collection.updateOne({ _id: from }, { $set: { balance: source!.balance - 1 } })
    await collection.updateOne({ _id: to }, { $set: { balance: target!.balance + 1 } })
  })
}

/** `clients` of them, one transfer after the other each, until `stop` is called, which resolves with how many were done. */
export function transfersBy(laura: Laura, clients: number): { done(): number; stop(): Promise<void> } {
  let isOver = false
  let done = 0
  const each = async (client: number): Promise<void> => {
    for (let n = client; !isOver; n += clients) {
      await transfer(laura, n)
      done++
    }
  }
  const all = Promise.all(Array.from({ length: clients }, (_, client) => each(client)))
  return {
    done: () => done,
    async stop() {
      isOver = true
      await all
    },
  }
}

export type SqliteBank = ReturnType<typeof openSqliteBank>

export function openSqliteBank(directory: string) {
  const database = new DatabaseSync(`${directory}/bank.sqlite`)
  database.exec(
    'pragma journal_mode=wal; pragma synchronous=full; create table accounts (id integer primary key, doc blob)',
  )
  const insert = database.prepare('insert into accounts values (?, jsonb(?))')
  database.exec('begin')
  for (const account of newAccounts()) insert.run(account._id, JSON.stringify(account))
  database.exec('commit')
  const get = database.prepare('select json(doc) as doc from accounts where id = ?')
  const set = database.prepare(`update accounts set doc = jsonb_set(doc, '$.balance', ?) where id = ?`)
  const balanceOf = (id: number): number => (JSON.parse((get.get(id) as { doc: string }).doc) as Account).balance
  return {
    transfer(from: number, to: number): void {
      database.exec('begin immediate')
      const source = balanceOf(from)
      const target = balanceOf(to)
      set.run(source - 1, from)
      set.run(target + 1, to)
      database.exec('commit')
    },
    close: () => database.close(),
  }
}
