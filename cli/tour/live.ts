/**
 * The end of the tour: both machines watch, until Ctrl-C.
 *
 * @module
 */
import type { Stage, TourMachine } from "./stage.ts"

/** Resolves after Ctrl-C, when both have stopped. */
export async function stayLive(stage: Stage, machines: readonly TourMachine[]): Promise<void> {
  stage.title("Your turn")
  stage.say("Both machines watch now. Edit a file in one folder and it appears in the other:")
  for (const { root } of machines) stage.say(`  ${root}`)
  stage.say("Ctrl-C ends the tour.\n")
  const watchers = machines.map((machine) => stage.start(machine, ["watch", "--interval", "1"]))
  const ended = watchers.map(
    (watcher) =>
      new Promise<void>((resolve) => {
        watcher.on("close", () => resolve())
      }),
  )
  // Ctrl-C reaches the children by the terminal; a signal sent to this process alone does not.
  const stop = (): void => {
    for (const watcher of watchers) watcher.kill("SIGINT")
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
  await Promise.all(ended)
}
