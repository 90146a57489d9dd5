/** What a thread beside the database runs: it answers tasks, one after the other (`detours.ts`). */
import { parentPort } from 'node:worker_threads'
import { answerTask } from './detour-tasks.ts'

parentPort!.on('message', (task: unknown) => {
  const { message, transfer } = answerTask(task)
  parentPort!.postMessage(message, [...transfer])
})
