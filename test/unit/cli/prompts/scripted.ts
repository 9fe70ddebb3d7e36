/**
 * A person with a script: answers in the order given.
 *
 * @module
 */
import type { Asker } from "../../../../cli/prompts/asker.ts"

export interface Scripted extends Asker {
  /** All that was shown: lines, questions and the names of choices. */
  readonly told: string[]
  /** Answers that were not asked for. */
  left(): number
}

/** For `select` an answer is the start of the choice's name. */
export function scripted(answers: readonly (string | boolean)[]): Scripted {
  const rest = [...answers]
  const told: string[] = []
  const next = <T>(question: string): T => {
    told.push(question)
    if (rest.length === 0) throw new Error(`no answer left for: ${question}`)
    return rest.shift() as T
  }
  return {
    told,
    left: () => rest.length,
    tell: (line) => told.push(line),
    confirm: async (message) => next<boolean>(message),
    password: async (message) => next<string>(message),
    async select(message, choices) {
      const names = choices.flatMap((choice) => (choice === null ? [] : [choice.name]))
      const wanted = next<string>(`${message} ${names.join(" | ")}`)
      const found = choices.find((choice) => choice?.name.startsWith(wanted))
      if (found === undefined || found === null)
        throw new Error(`no choice starts with ${wanted}: ${names.join(" | ")}`)
      return found.value
    },
  }
}
