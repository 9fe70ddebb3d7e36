/**
 * Work on one version of the vault from beginning to end, though another machine
 * may publish the next one meanwhile.
 *
 * @module
 */
import type { CallOptions } from "../../../storage/remote/store.ts"
import type { Context } from "../../vault/context.ts"
import { hasMoved } from "../../vault/refresh.ts"
import { isVaultFault } from "../../vault/faults.ts"
import type { Head } from "../../vault/head.ts"
import { enter } from "../sync.ts"

const MAX_TRIES = 3

/** What is found out about the head; anew if something was gone because the vault moved on, and was compacted. */
export async function ofOneVersion<T>(
  context: Context,
  call: CallOptions,
  work: (head: Head) => Promise<T>,
  isSuspicious: (found: T) => boolean = () => false,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const { head } = await enter(context, call)
    const isPassing = async (): Promise<boolean> => tries < MAX_TRIES && (await hasMoved(context, head, call))
    try {
      const found = await work(head)
      if (!isSuspicious(found) || !(await isPassing())) return found
    } catch (error) {
      if (!isVaultFault(error) || !(await isPassing())) throw error
    }
  }
}
