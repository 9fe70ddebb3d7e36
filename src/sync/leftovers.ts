/**
 * What operations that were cut short left in the store: packs of an upload
 * that nothing wants any more, and requests to be let in that are decided. It
 * would harm nobody, but take space and be in the way of people's eyes.
 *
 * @module
 */
import { StoreError } from "../../storage/errors.ts"
import { machineOfJoin, uploadBranch } from "../../storage/layout.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import type { Context, Fresh } from "../vault/context.ts"
import { forgetStaged } from "./staging.ts"

/** @param isUploadOver - Nothing on this disk waits to be uploaded. */
export async function dropLeftovers(
  { store, state, config }: Context,
  { head, branches }: Fresh,
  isUploadOver: boolean,
  call: CallOptions,
): Promise<void> {
  if (isUploadOver) await forgetStaged(state)
  const upload = uploadBranch(config.workspace, config.machine)
  const over = branches.filter(({ name }) => {
    const asking = machineOfJoin(name, config.workspace)
    return asking === null ? isUploadOver && name === upload : head.trust.machines.has(asking)
  })
  try {
    for (const branch of over) await store.deleteBranch(branch, call)
  } catch (error) {
    // Not worth failing for; the next sync tries again.
    if (!(error instanceof StoreError)) throw error
  }
}
