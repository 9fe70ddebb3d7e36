/**
 * The two ways to an audit: of the store, and of a copy of it (a clone that was
 * made before, a backup), for which no network is needed.
 *
 * @module
 */
import { mainBranch } from "../../../storage/layout.ts"
import type { CallOptions } from "../../../storage/remote/store.ts"
import { SyncError } from "../../errors.ts"
import type { AuditReport } from "../../reports.ts"
import { unlock } from "../../trust/unlock.ts"
import type { Context } from "../../vault/context.ts"
import { checkMacs } from "../../vault/refresh.ts"
import { isVaultFault } from "../../vault/faults.ts"
import type { Head } from "../../vault/head.ts"
import { look } from "../../vault/look.ts"
import { ofOneVersion } from "../versions/oneVersion.ts"
import { audit, auditDamaged } from "./audit.ts"

export async function verify(context: Context, call: CallOptions): Promise<AuditReport> {
  try {
    return await ofOneVersion(
      context,
      call,
      (head) => audit(context, head, call),
      ({ problems }) => problems.length > 0,
    )
  } catch (error) {
    if (!isVaultFault(error)) throw error
    return auditUnbelieved(context, error, call)
  }
}

/** @param from - Where the copy is; of any age, so that what this machine has seen says nothing against it. */
export async function verifyCopy(context: Context, from: string, call: CallOptions): Promise<AuditReport> {
  const store = await context.host.openStore(from, { create: false })
  const ofCopy: Context = { ...context, store }
  try {
    return await auditCopy(ofCopy, call)
  } catch (error) {
    if (!isVaultFault(error)) throw error
    return await auditUnbelieved(ofCopy, error, call)
  } finally {
    // The context that stays must know what it is to wipe.
    context.identity = ofCopy.identity
    await store.close()
  }
}

async function auditCopy(context: Context, call: CallOptions): Promise<AuditReport> {
  const { host, store, config } = context
  const branches = await store.branches(mainBranch(config.workspace), call)
  const memory = { seen: null, trust: null, self: null }
  const found = await look({ crypto: host.crypto, store, workspace: config.workspace, memory, call }, branches, null)
  if (found.kind !== "follow") throw new SyncError("VAULT_MISSING", "there is no such vault in the store")
  await unlock(context, found.head)
  checkMacs(context, found.head)
  return audit(context, found.head, call)
}

/** What this machine saw last tells what the parts of a vault that it cannot believe ought to be. */
async function auditUnbelieved(context: Context, cause: unknown, call: CallOptions): Promise<AuditReport> {
  const { store, config, seen } = context
  const name = mainBranch(config.workspace)
  const main = (await store.branches(name, call)).find((branch) => branch.name === name)
  if (main === undefined) throw cause
  const known: Head | null = seen?.head ?? null
  if (known !== null) await unlock(context, known)
  return auditDamaged(context, main.head, known, cause, call)
}
